import type { IO } from 'fp-ts/lib/IO.js'
import type { Connection, Environment, Transport } from '../transport.js'
import { broker } from './broker.js'
import { connection } from './connection.js'
import { letters, type BusLetter } from './letters.js'
import type { MemoryContext } from './context.js'

/** The bounds of a bus. */
export interface MemoryBusOptions {
  /**
   * How many messages may wait in one queue (of an endpoint of a group, or of the requests of a pattern); default
   * 10,000. Beyond it an event is accepted only when there is room again, and a request is `Overloaded`.
   */
  readonly maxQueued?: number
  /** Bytes of bodies and headers that are not settled, over all queues; default 64 MiB. */
  readonly maxQueuedBytes?: number
  /** How many dead letters are kept; default 10,000. When they are too many, messages stay with their endpoint. */
  readonly maxDeadLetters?: number
  /** Bytes of bodies and headers of dead letters; default 64 MiB. */
  readonly maxDeadLetterBytes?: number
}

/**
 * A broker in memory, shared by any number of connections. Nothing survives the process. What a group has accepted stays
 * for its next replica, and counts against the bounds meanwhile.
 */
export interface MemoryBus {
  /** Options out of their range; `listen` reports them. */
  readonly problems: Transport['problems']
  /** Opens a connection of its own; `memory` calls it. */
  readonly connect: <N extends string>(name: N, environment: Environment) => Connection<MemoryContext<N>>
  /** A look at the dead letters of all services, the oldest first. `deadLetters` of `taskwire` puts them back and drops them. */
  readonly deadLetters: IO<ReadonlyArray<BusLetter>>
}

const mebibyte = 1_048_576

const problemsOf = (options: MemoryBusOptions): Transport['problems'] =>
  Object.entries(options)
    .filter(([option, value]) => typeof value === 'number' && !(value >= (option === 'maxDeadLetters' ? 0 : 1)))
    .map(([option]) => ({ option, expected: `a number of at least ${option === 'maxDeadLetters' ? '0' : '1'}` }))

/** A fresh bus. */
export const memoryBus = (options: MemoryBusOptions = {}): MemoryBus => {
  const store = letters(options.maxDeadLetters ?? 10_000, options.maxDeadLetterBytes ?? 64 * mebibyte)
  const core = broker({
    maxQueued: options.maxQueued ?? 10_000,
    maxQueuedBytes: options.maxQueuedBytes ?? 64 * mebibyte,
    letters: store,
  })
  return {
    problems: problemsOf(options),
    connect: (name, environment) => connection(core, name, environment),
    deadLetters: store.all,
  }
}

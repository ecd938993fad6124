/**
 * `taskwire/memory`: a transport within one process. The reference implementation of what a delivery, a reply and a
 * failure mean; for examples, tests and services that live together.
 */
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Capabilities, Transport } from '../transport.js'
import { maxMessageBytes } from './broker.js'
import { memoryBus, type MemoryBus } from './bus.js'
import type { MemoryContext } from './context.js'

export { memoryBus, type MemoryBus, type MemoryBusOptions } from './bus.js'
export type { BusLetter } from './letters.js'
export { memoryContext, type MemoryContext } from './context.js'

/** A memory transport with the token `N`. */
export interface Memory<out N extends string = 'memory'> extends Transport<N, MemoryContext<N>> {
  /** The broker behind it: give it to another `memory({ bus })`, look at its dead letters. */
  readonly bus: MemoryBus
}

/** How a memory transport is made. */
export interface MemoryOptions<N extends string = 'memory'> {
  /** The token; default `memory`. */
  readonly name?: N
  /** The broker; by default a fresh one for this value, so that all who are given the value meet on it. */
  readonly bus?: MemoryBus
}

const capabilities: Capabilities = Object.freeze({
  durable: false,
  fanOut: true,
  ordered: true,
  competing: true,
  delayedRetry: true,
  keyedRetry: true,
  isolatedRetry: true,
  deadLetter: true,
  wildcards: true,
  cancel: true,
  noHandler: true,
  exactAttempts: true,
  streams: false,
  batches: false,
})

/**
 * A transport within the process. Events go to each group that subscribes, and there to one replica; what a group has
 * accepted waits for its next replica, and nothing survives the process. Connecting never fails.
 */
export const memory = <const N extends string = 'memory'>(options: MemoryOptions<N> = {}): Memory<N> => {
  const name = options.name ?? ('memory' as N)
  const bus = options.bus ?? memoryBus()
  return {
    _tag: 'Transport',
    name,
    kind: 'memory',
    capabilities,
    needsName: false,
    maxMessageBytes,
    problems: bus.problems,
    bus,
    connect: (environment) => TE.fromIO(() => bus.connect(name, environment)),
  }
}

/** What a case works with: services and callers of one world, all gone when the case is over. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { Client } from '../../client/client.js'
import { createClient, type ClientOptions } from '../../client/create.js'
import type { AnyEndpoint } from '../../core/endpoint.js'
import type { StartError } from '../../core/error.js'
import type { Service } from '../../core/service.js'
import { deadLetters } from '../../letters/dead-letters.js'
import type { DeadLetters } from '../../letters/types.js'
import { listen, type ListenOptions } from '../../runtime/listen.js'
import type { Running } from '../../runtime/running.js'
import type { Capabilities, Transport } from '../../transport/transport.js'
import { check, eventually, right, same } from './expect.js'
import type { Subject, World } from './subject.js'

/** A definition without transports: the stage attaches them. */
export type Definition = Service<never, AnyEndpoint>

export interface Stage {
  readonly capabilities: Capabilities
  /** How long to wait for what has to happen, in milliseconds. */
  readonly patience: number
  readonly world: World
  /** Runs a replica of a definition. */
  readonly serve: (definition: Definition, options?: ListenOptions) => Promise<Running>
  /** The same, where it may well not start. */
  readonly attempt: (definition: Definition, options?: ListenOptions) => Promise<Either<StartError, Running>>
  /** Runs a service that has its transports. */
  readonly serveOn: (service: Service<Transport, AnyEndpoint>, options?: ListenOptions) => Promise<Running>
  /** The dead letters of a definition, whether it runs or not. */
  readonly letters: (definition: Definition) => DeadLetters
  /** A client of these replicas. */
  readonly call: (replicas: ReadonlyArray<Running>, options?: ClientOptions) => Client
  /** A client over a transport of the case's own making. */
  readonly callOn: (transport: Transport, options?: ClientOptions) => Client
  /** Waits until it is so. */
  readonly until: (what: string | (() => string), test: () => boolean) => Promise<void>
  /** A world apart, of the same kind. */
  readonly apart: () => Promise<Stage>
}

/** The token of what a stage attaches. */
export const token = 'main'

/** A stage, and the way to leave it. */
export const stage = async (subject: Subject): Promise<{ readonly stage: Stage; readonly leave: Task<void> }> => {
  const { capabilities, patience = 10_000 } = subject
  const world = await subject.world()
  // A case that failed may have left handlers behind that never end.
  const hurry: ListenOptions = { log: false, drainTimeout: Math.min(patience, 2_000), abortGrace: 100 }
  const running: Array<Running> = []
  const clients: Array<Client> = []
  const others: Array<Task<void>> = []

  const run = async (service: Service, options: ListenOptions = {}): Promise<Either<StartError, Running>> => {
    const started = await listen(service, { ...hurry, ...options })()
    if (started._tag === 'Right') running.push(started.right)
    return started
  }
  const attached = (definition: Definition): Service => ({ ...definition, transports: [world.transport(token)] })
  const callOn = (transport: Transport, options?: ClientOptions): Client => {
    const client = createClient(transport, options)
    clients.push(client)
    return client
  }
  same('the capabilities of the transport are those of the subject', world.transport(token).capabilities, capabilities)

  const self: Stage = {
    capabilities,
    patience,
    world,
    serve: async (definition, options) => right('listen', await run(attached(definition), options)),
    attempt: (definition, options) => run(attached(definition), options),
    serveOn: async (service, options) => right('listen', await run(service, options)),
    letters: (definition) => deadLetters(attached(definition), { log: false }),
    call: (replicas, options) => callOn(world.client(replicas, token), options),
    callOn,
    until: (what, test) => eventually(patience, what, test),
    apart: async () => {
      const other = await stage(subject)
      others.push(other.leave)
      return other.stage
    },
  }
  return {
    stage: self,
    leave: async () => {
      await Promise.all(clients.map((one) => one.close()))
      await Promise.all(running.map((one) => one.stop()))
      await Promise.all(others.map((one) => one()))
      await world.dispose()
    },
  }
}

/** What is asked for by `require` and is not there keeps a service from starting. */
export const refuses = async (
  { attempt }: Stage,
  definition: Definition,
  capability: keyof Capabilities,
): Promise<void> => {
  const started = await attempt({ ...definition, options: { ...definition.options, require: [capability] } })
  const error = started._tag === 'Left' ? started.left : undefined
  check(error?._tag === 'Unsupported', `listen with require: ['${capability}'] must answer Unsupported`)
  same('the capability that Unsupported names', error.capability, capability)
}

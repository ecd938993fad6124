/** What the author of a transport gives to the kit. */
import type { Task } from 'fp-ts/lib/Task.js'
import type { Running } from '../../runtime/running.js'
import type { Capabilities, Transport } from '../../transport/transport.js'

/** An event that was set aside, as the kit looks at it. */
export interface Letter {
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  readonly messageId: string
  /** The class of the reason: `HandlerFailed`, `InvalidPayload`, `AttemptsExhausted`, ... */
  readonly reason: string
  /** What the reason says: never a value of the payload. */
  readonly message: string
  /** Handler starts. */
  readonly attempts: number
}

/** A broker of its own, or a part of one that nobody else uses. Every case makes its own and disposes of it. */
export interface World {
  /** A transport with this token, for a service to listen on; each call gives a fresh value. */
  readonly transport: (name: string) => Transport
  /** A transport for those who call these replicas. */
  readonly client: (replicas: ReadonlyArray<Running>, name: string) => Transport
  /** The dead letters of all services; needed where `capabilities.deadLetter` is true, as are the next two. */
  readonly deadLetters?: Task<ReadonlyArray<Letter>>
  /** Puts every dead letter back to where it came from; answers how many. */
  readonly redrive?: Task<number>
  /** From now on no dead letter can be written; the task it resolves with mends that. */
  readonly breakDeadLetters?: Task<Task<void>>
  /** Takes the broker away; the task it resolves with brings it back. Leave it out where there is no broker. */
  readonly outage?: Task<Task<void>>
  readonly dispose: Task<void>
}

/** A transport to be examined. */
export interface Subject {
  /** For reports. */
  readonly name: string
  /** Says of each case whether the guarantee itself or its documented weaker form is to be shown. */
  readonly capabilities: Capabilities
  readonly world: Task<World>
  /** How long a case waits for what has to happen, in milliseconds. Default 10,000. */
  readonly patience?: number
}

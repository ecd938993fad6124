/** What the author of a transport gives to the kit. */
import type { Task } from 'fp-ts/lib/Task.js'
import type { Running } from '../../runtime/running.js'
import type { Capabilities, Transport } from '../../transport/transport.js'

/** A broker of its own, or a part of one that nobody else uses. Every case makes its own and disposes of it. */
export interface World {
  /** A transport with this token, for a service to listen on; each call gives a fresh value. */
  readonly transport: (name: string) => Transport
  /** A transport for those who call these replicas. */
  readonly client: (replicas: ReadonlyArray<Running>, name: string) => Transport
  /** From now on no dead letter can be written; the task it resolves with mends that. Needed where `capabilities.deadLetter` is true. */
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

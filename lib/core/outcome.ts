import type { Task } from 'fp-ts/lib/Task.js'
import type { Context } from './context.js'
import type { Issue } from './error.js'

/** What became of one start of one endpoint on one message. */
export type Outcome =
  /** The handler's Right. */
  | { readonly _tag: 'Done'; readonly value: unknown }
  /** The handler's Left. */
  | { readonly _tag: 'Failed'; readonly error: unknown }
  /** The payload did not decode; the handler was not run. */
  | { readonly _tag: 'Invalid'; readonly issues: ReadonlyArray<Issue> }
  /** The handler threw or rejected. The log has `cause` under `errorId`; `cause` never leaves the process. */
  | { readonly _tag: 'Defect'; readonly errorId: string; readonly cause: unknown }
  /** The time limit or the caller's deadline passed; the handler's later result is dropped. */
  | { readonly _tag: 'TimedOut'; readonly afterMs: number }

/** What middleware sees: the message, decoded, and where it is going. */
export interface Arrival {
  readonly kind: 'event' | 'message'
  /** The id of the endpoint. */
  readonly endpoint: string
  /** The pattern the endpoint listens on, canonical; `context.pattern` is the one the message was sent to. */
  readonly pattern: string
  /** The name of the service that defined the endpoint. */
  readonly origin: string
  readonly context: Context
  /** The decoded payload; `undefined` where it did not decode (`next` then answers `Invalid`). */
  readonly payload: unknown
}

/** Wraps every start of every endpoint of its service: `next` runs the rest and never rejects. */
export type Middleware = (next: (arrival: Arrival) => Task<Outcome>) => (arrival: Arrival) => Task<Outcome>

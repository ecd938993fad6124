import type { Context } from '../core/context.js'
import type { Outcome } from '../core/outcome.js'
import type { Decision } from '../core/settle.js'

/** What is reported of a delivery: how its start ended; `Duplicate`: it was handled before, and not started. */
export type Reported = Outcome | { readonly _tag: 'Duplicate' }

/** One start of one endpoint, as `outcome$` reports it. */
export type OutcomeReport = Reported & {
  /** The id of the endpoint. */
  readonly endpoint: string
  readonly kind: 'event' | 'message'
  /** The token of the transport. */
  readonly name: string
  /** The pattern the message was sent to. */
  readonly pattern: string
  readonly messageId: string
  readonly attempt: number
  /** What was done: a settlement, another start in place, or (no place for dead letters, or none wanted) `Dropped`. `Late`: nothing, the time limit had passed. */
  readonly settlement: Decision['_tag'] | 'Dropped' | 'Late'
  /** Milliseconds from the arrival at the runtime. */
  readonly afterArrivalMs: number
}

/** Makes a report; called only while somebody is subscribed to `outcome$`. */
export const report = (
  outcome: Reported,
  settlement: OutcomeReport['settlement'],
  endpoint: string,
  kind: 'event' | 'message',
  { name, pattern, messageId, attempt }: Context,
  afterArrivalMs: number,
): OutcomeReport => ({ ...outcome, endpoint, kind, name, pattern, messageId, attempt, settlement, afterArrivalMs })

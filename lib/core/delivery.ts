import type { Context } from './context.js'
import type { Issue } from './error.js'
import type { Settlement } from './settlement.js'

/** One message for one endpoint: what a transport hands to the runtime. */
export interface Delivery<out C extends Context = Context> {
  /** The index of the endpoint's subscription in the array given to `subscribe`. */
  readonly subscription: number
  readonly context: C
  readonly body: Uint8Array
  /**
   * Every copy of the message carries its id: its sender gave it one, or it has the name of its place on the broker. False
   * where the id was made up on the way: no other message can be told to be the same.
   */
  readonly identified: boolean
  /** The ordering key that the message carries. Deliveries of one key run one after another. */
  readonly key: string | undefined
  /** Unix milliseconds of the first failure, where an earlier delivery of this message failed. */
  readonly firstFailedAt: number | undefined
  /**
   * Called once, before a handler runs, when the payload has decoded and has its place in the endpoint's queue, or with
   * the issues when it does not decode. A transport whose sender waits for acceptance answers here. n.b. the call comes
   * late while the endpoint's queue is full: that is the back-pressure.
   */
  readonly admitted: ((issues: ReadonlyArray<Issue> | undefined) => void) | undefined
}

/**
 * Takes back a delivery that has not started: it is settled at once, as `Fail` (`Cancelled`) when it is a request, as
 * `Refuse` when it is an event that was not admitted yet. Does nothing once it was admitted, has started or is settled.
 */
export type Withdraw = () => void

/**
 * Takes a delivery; calls `settle` exactly once, possibly before it returns, and never throws. One that has to wait can
 * be taken back by what it returns. Callbacks, not `Task<Settlement>`: this is the hot path, and each promise between
 * socket and handler costs 2 % of the throughput.
 */
export type Deliver<in C extends Context = Context> = (
  delivery: Delivery<C>,
  settle: (settlement: Settlement) => void,
) => Withdraw | undefined

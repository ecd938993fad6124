import type { Context } from '../core/context.js'
import type { Due } from '../core/deadlines.js'
import type { Issue } from '../core/error.js'
import type { Decoded } from '../core/dispatch.js'
import type { Settlement } from '../core/settlement.js'

/**
 * A delivery on its way through the runtime. One object for each, changed in place: copies here are a tenth of the
 * throughput. Only its worker changes it.
 */
export interface Job extends Due {
  dueAt: number
  /** The size of the body. */
  readonly bytes: number
  /** What each start decodes afresh; of a job that waits a copy of its own, and nothing once no start can follow. */
  body: Uint8Array
  readonly settle: (settlement: Settlement) => void
  readonly admitted: ((issues: ReadonlyArray<Issue> | undefined) => void) | undefined
  /** The payload as decoded on arrival, for the start that follows at once: decoded values may be twenty times their bytes. */
  payload: Decoded | undefined
  /** The key that the message carries, by which the transport itself may keep an order. */
  readonly messageKey: string | undefined
  /** What its `orderingKey` threw: no handler can run in an order that nobody knows. */
  readonly broken: { readonly cause: unknown } | undefined
  /** Another delivery with its message id is the same message. */
  readonly identified: boolean
  /** The token of its claim, while the endpoint's dedupe store holds one for it. */
  claim: string | undefined
  /** The ordering key, if any: its lane stays taken until the job is over. */
  readonly key: string | undefined
  readonly arrivedAt: number
  /** Gives the job its end when its time limit passes. */
  readonly expire: (job: Job) => void
  /** The context of the current start. */
  context: Context
  /**
   * waiting for a slot or its lane; running; late: the time limit passed, not settled yet; handed: settled, while the
   * handler still runs and holds its slot; parked until a retry; over.
   */
  state: 'waiting' | 'running' | 'late' | 'handed' | 'parked' | 'over'
  /** none: not asked for or not yet; held: waits to be accepted; counted: accepted, and counts as waiting; accepted. */
  admission: 'none' | 'held' | 'counted' | 'accepted'
  /** The time limit of the current start, in milliseconds. */
  limitMs: number
  firstFailedAt: number | undefined
  /** The retry that this process waited for and has not started yet. */
  retry: Extract<Settlement, { readonly _tag: 'Retry' }> | undefined
  /** Leaves those that wait for a slot, or for the lane of its key (`inLane`). */
  quit: (() => void) | undefined
  inLane: boolean
  /** Leaves those that wait to be accepted. */
  held: (() => void) | undefined
  /** Forgets the timer of a retry in place, a grace or a parking. */
  forget: (() => void) | undefined
}

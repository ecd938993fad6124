/** The messages of one connection that wait for their answer, on the server. */
import { abortContext } from '../../core/context.js'
import type { AbortReason, Context } from '../../core/context.js'
import type { Withdraw } from '../../core/delivery.js'

export interface InFlight {
  readonly size: () => number
  /** Takes a place; `context` is what CANCEL aborts. */
  readonly add: (id: number, context: Context | undefined) => number
  /** What CANCEL takes back, where the message still has its place. */
  readonly waits: (place: number, id: number, withdraw: Withdraw) => void
  /** Gives the place back; false when it was given back before. */
  readonly remove: (place: number, id: number) => boolean
  /** Aborts the context of an id and takes its delivery back; false when that id waits for nothing, or was cancelled. */
  readonly cancel: (id: number) => boolean
  readonly abortAll: (reason: AbortReason) => void
}

/** Places are reused, so that a connection costs no more than it once needed, and no Map is rehashed on the hot path. */
export const inFlight = (): InFlight => {
  const ids: Array<number> = []
  const contexts: Array<Context | undefined> = []
  const withdraws: Array<Withdraw | undefined> = []
  let cancelled: Set<number> | undefined
  const free: Array<number> = []
  // n.b. the context first, so that what runs on the way out finds it aborted; the place may be free afterwards
  const abort = (place: number, reason: AbortReason): void => {
    const context = contexts[place]
    const withdraw = withdraws[place]
    contexts[place] = undefined
    withdraws[place] = undefined
    if (context !== undefined) abortContext(context, reason)
    withdraw?.()
  }
  return {
    size: () => ids.length - free.length,
    add: (id, context) => {
      const place = free.pop() ?? ids.length
      ids[place] = id
      contexts[place] = context
      withdraws[place] = undefined
      return place
    },
    waits: (place, id, withdraw) => {
      if (ids[place] === id) withdraws[place] = withdraw
    },
    remove: (place, id) => {
      if (ids[place] !== id) return false
      ids[place] = 0
      contexts[place] = undefined
      withdraws[place] = undefined
      if (cancelled !== undefined && cancelled.size > 0) cancelled.delete(id)
      free.push(place)
      return true
    },
    // n.b. a scan of a few hundred numbers: cancelling is rare, and bounded where it is not
    cancel: (id) => {
      const place = ids.indexOf(id)
      if (place < 0 || cancelled?.has(id) === true) return false
      cancelled = (cancelled ?? new Set()).add(id)
      abort(place, 'cancelled')
      return true
    },
    abortAll: (reason) => {
      for (let place = 0; place < ids.length; place++) abort(place, reason)
    },
  }
}

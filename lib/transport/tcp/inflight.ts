/** The messages of one connection that wait for their answer, on the server. */
import { abortContext } from '../../core/context.js'
import type { AbortReason, Context } from '../../core/context.js'

export interface InFlight {
  readonly size: () => number
  /** Takes a place; `context` is what CANCEL aborts. */
  readonly add: (id: number, context: Context | undefined) => number
  /** Gives the place back; false when it was given back before. */
  readonly remove: (place: number, id: number) => boolean
  /** Aborts the context of an id; false when that id waits for nothing. */
  readonly cancel: (id: number) => boolean
  readonly abortAll: (reason: AbortReason) => void
}

/** Places are reused, so that a connection costs no more than it once needed, and no Map is rehashed on the hot path. */
export const inFlight = (): InFlight => {
  const ids: Array<number> = []
  const contexts: Array<Context | undefined> = []
  const free: Array<number> = []
  const abort = (place: number, reason: AbortReason): void => {
    const context = contexts[place]
    if (context !== undefined) abortContext(context, reason)
  }
  return {
    size: () => ids.length - free.length,
    add: (id, context) => {
      const place = free.pop() ?? ids.length
      ids[place] = id
      contexts[place] = context
      return place
    },
    remove: (place, id) => {
      if (ids[place] !== id) return false
      ids[place] = 0
      contexts[place] = undefined
      free.push(place)
      return true
    },
    // n.b. a scan of a few hundred numbers: cancelling is rare, and bounded where it is not
    cancel: (id) => {
      const place = ids.indexOf(id)
      if (place < 0) return false
      abort(place, 'cancelled')
      return true
    },
    abortAll: (reason) => {
      for (let place = 0; place < ids.length; place++) abort(place, reason)
    },
  }
}

/** Many deadlines on one timer: a coarse tick while there is anything to watch, none otherwise. */
import type { Clock } from './clock.js'

/** What is watched. `slot` belongs to the table: -1 while the entry is in none. */
export interface Due {
  /** When it is due, on the clock's monotonic time. */
  readonly dueAt: number
  slot: number
}

export interface Deadlines<D extends Due> {
  readonly add: (due: D) => void
  readonly remove: (due: D) => void
  /** Everything watched; do not change the table while reading it. */
  readonly all: ReadonlyArray<D>
  /** Forgets the timer. */
  readonly stop: () => void
}

/** The granularity of deadlines, in milliseconds: a call may outlive its deadline by so much. */
export const tickMs = 20

/** A tick that comes so late tells of a pause of the event loop, in milliseconds. */
const pauseMs = 100

/** After a pause nothing expires for as long again, and for so many milliseconds at most. */
const mostGraceMs = 500

/**
 * Watches deadlines; `expire` is called for each that passes, after it was taken out.
 * A dense array and one timer: a timer per call costs a fifth of the throughput, a Map per call an eighth.
 */
export const deadlines = <D extends Due>(clock: Clock, expire: (due: D) => void): Deadlines<D> => {
  const all: Array<D> = []
  let cancel: (() => void) | undefined
  let expectedAt = 0
  let graceUntil: number | undefined

  const remove = (due: D): void => {
    const { slot } = due
    if (slot < 0) return
    const last = all.pop()
    if (last !== undefined && last !== due) {
      all[slot] = last
      last.slot = slot
    }
    due.slot = -1
  }
  const tick = (): void => {
    cancel = undefined
    const now = clock.now()
    const late = now - expectedAt
    // n.b. after a pause of the event loop what would have settled these entries is still in the sockets, or at a broker
    // that has to be asked for it: read it first. A pause within the grace begins no other one.
    if (graceUntil === undefined && late > pauseMs) graceUntil = now + Math.min(late, mostGraceMs)
    if (graceUntil !== undefined && now < graceUntil) {
      arm()
      return
    }
    graceUntil = undefined
    const passed = all.filter(({ dueAt }) => dueAt <= now)
    if (passed.length < all.length) arm()
    for (const due of passed) {
      // n.b. expiring one may have removed another, or put it back for later
      if (due.slot < 0 || due.dueAt > now) continue
      remove(due)
      expire(due)
    }
  }
  const arm = (): void => {
    if (cancel !== undefined) return
    expectedAt = clock.now() + tickMs
    cancel = clock.after(tickMs, tick)
  }
  return {
    add: (due) => {
      due.slot = all.length
      all.push(due)
      arm()
    },
    remove,
    all,
    stop: () => {
      cancel?.()
      cancel = undefined
    },
  }
}

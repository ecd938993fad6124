/** One coarse timer for all timeouts of a server or a client (1.2 times the throughput of a timer per call). */
import type { Clock } from '../../core/clock.js'

export interface Ticker {
  /**
   * Milliseconds of life so far, as of the last tick: free to read in the hot path. n.b. a blocked event loop or a
   * suspended machine counts as two ticks at most, so that nobody is blamed for silence that we could not hear.
   */
  readonly time: () => number
  readonly start: () => void
  readonly stop: () => void
}

/** Calls `run` every `interval` milliseconds between `start` and `stop`; it never keeps the process alive. */
export const ticker = (clock: Clock, interval: number, run: (time: number) => void): Ticker => {
  let time = 0
  let last = 0
  let cancel: (() => void) | undefined
  const tick = (): void => {
    const now = clock.now()
    time += Math.min(Math.max(now - last, 0), 2 * interval)
    last = now
    cancel = clock.after(interval, tick, true)
    run(time)
  }
  return {
    time: () => time,
    start: () => {
      if (cancel !== undefined) return
      last = clock.now()
      cancel = clock.after(interval, tick, true)
    },
    stop: () => {
      cancel?.()
      cancel = undefined
    },
  }
}

/** The time, read once for each turn of the event loop: for what happens thousands of times in one. */
export const turnClock = (clock: Clock): (() => number) => {
  let now = 0
  let fresh = false
  const stale = (): void => {
    fresh = false
  }
  return () => {
    if (!fresh) {
      fresh = true
      now = clock.now()
      process.nextTick(stale)
    }
    return now
  }
}

/** Time that passes when a spec says so, and chance that repeats itself. */
import type { IO } from 'fp-ts/lib/IO.js'
import type { Clock, Random } from '../core/clock.js'

/** A clock and the hand that moves it. */
export interface VirtualClock {
  readonly clock: Clock
  /**
   * Moves on by `ms`: to each timer in the order in which they are due, which then runs, and at last to the end. Before
   * the first and after each timer it waits for `turnsPerTimer` turns of the event loop, so that promise chains have
   * settled and have set their own timers. n.b. real sockets and files take as long as they take: it waits for none.
   */
  readonly advance: (ms: number) => Promise<void>
  /** The same until no timer is left but idle ones (ticks and pings go on for ever), for at most `maxMs`, default an hour. */
  readonly runAll: (maxMs?: number) => Promise<void>
  /** The wall clock jumps by `ms`, and nothing else does. */
  readonly shiftUnix: (ms: number) => void
  /** How many timers are set, idle ones included. */
  readonly pending: IO<number>
}

/** Turns of the event loop (each with all its microtasks) between two timers. */
export const turnsPerTimer = 4

interface Timer {
  readonly dueAt: number
  readonly run: () => void
  readonly idle: boolean
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < turnsPerTimer; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** A clock that stands still. `now` is 0 by default, `unix` the first millisecond of 2024 in UTC. */
export const virtualClock = (options: { readonly now?: number; readonly unix?: number } = {}): VirtualClock => {
  // In the order in which they are due; among equals the one that was set first.
  const timers: Array<Timer> = []
  let now = options.now ?? 0
  let unixAhead = (options.unix ?? 1_704_067_200_000) - now

  const after: Clock['after'] = (ms, run, idle = false) => {
    const timer: Timer = { dueAt: now + Math.max(0, ms), run, idle }
    let from = 0
    let to = timers.length
    while (from < to) {
      const middle = (from + to) >> 1
      if ((timers[middle]?.dueAt ?? Infinity) <= timer.dueAt) from = middle + 1
      else to = middle
    }
    timers.splice(from, 0, timer)
    return () => {
      const at = timers.indexOf(timer)
      if (at >= 0) timers.splice(at, 1)
    }
  }
  const runUntil = async (end: number, enough: () => boolean): Promise<void> => {
    await settled()
    for (let next = timers[0]; next !== undefined && next.dueAt <= end && !enough(); next = timers[0]) {
      timers.shift()
      now = Math.max(now, next.dueAt)
      next.run()
      await settled()
    }
  }
  return {
    clock: { now: () => now, unix: () => now + unixAhead, after },
    advance: async (ms) => {
      const end = now + ms
      await runUntil(end, () => false)
      now = Math.max(now, end)
    },
    runAll: (maxMs = 3_600_000) => runUntil(now + maxMs, () => timers.every(({ idle }) => idle)),
    shiftUnix: (ms) => {
      unixAhead += ms
    },
    pending: () => timers.length,
  }
}

/**
 * Numbers that are the same for the same seed: mulberry32 by Tommy Ettinger (public domain),
 * https://gist.github.com/tommyettinger/46a874533244883189143505d203312c. For specs; they can be guessed.
 */
export const seededRandom = (seed: number): Random => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

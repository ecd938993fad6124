/** Retry policies are retry-ts values: functions from what happened so far to the next delay, or to giving up. */
import * as O from 'fp-ts/lib/Option.js'
import type { RetryPolicy, RetryStatus } from 'retry-ts'

export type { RetryPolicy, RetryStatus }

/** Delays in milliseconds, one for each retry, then no more. */
export const delays =
  (...ms: ReadonlyArray<number>): RetryPolicy =>
  (status) =>
    O.fromNullable(ms[status.iterNumber])

/** Five attempts in all: retries after 1 s, 10 s, 1 min and 10 min. */
export const defaultRetry: RetryPolicy = delays(1_000, 10_000, 60_000, 600_000)

/** A defect is tried again in place, in its slot, after these starts; later ones wait outside. */
export const inPlaceAttempts = 2

/** What a policy says after `attempt` starts, in milliseconds; its earlier answers are replayed to give it its status. */
export const delayAfter = (policy: RetryPolicy, attempt: number): O.Option<number> => {
  let status: RetryStatus = { iterNumber: 0, cumulativeDelay: 0, previousDelay: O.none }
  for (;;) {
    const delay = policy(status)
    if (O.isNone(delay) || status.iterNumber >= attempt - 1) return delay
    status = {
      iterNumber: status.iterNumber + 1,
      cumulativeDelay: status.cumulativeDelay + delay.value,
      previousDelay: delay,
    }
  }
}

/** Equal jitter: between half of the delay and all of it, so that messages which failed together do not return together. */
export const equalJitter = (delayMs: number, chance: number): number => delayMs / 2 + (delayMs / 2) * chance

/** Full jitter over an exponential: between nothing and `base * 2^n`, at most `cap`. Milliseconds. */
export const fullJitter = (base: number, cap: number, n: number, chance: number): number =>
  Math.min(cap, base * 2 ** Math.min(n, 30)) * chance

import type { Clock } from '../../core/clock.js'

/** Waits for `work`, but no longer than `ms`, and not for its success: a connection may say nothing for long. */
export const atMost = (clock: Clock, ms: number, work: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => {
    const forget = clock.after(ms, resolve)
    const done = (): void => {
      forget()
      resolve()
    }
    work.then(done, done)
  })

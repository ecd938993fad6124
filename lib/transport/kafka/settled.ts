/** Waiting for what may never come. */
import type { Clock } from '../../core/clock.js'
import type { KeptOpen } from '../broker/keep-open.js'

/** Resolves `ms` later. */
export const waits = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve)
  })

/**
 * What the promise resolves with, or nothing once `ms` are over; after a pause of the event loop it is looked at once more.
 * What comes after that is nobody's, also an error.
 */
export const settled = <A>(clock: Clock, work: Promise<A>, ms: number): Promise<{ readonly value: A } | undefined> =>
  new Promise((resolve, reject) => {
    let forget = clock.after(ms, () => {
      forget = clock.after(20, () => {
        resolve(undefined)
      })
    })
    void work
      .finally(() => {
        forget()
      })
      .then((value) => {
        resolve({ value })
      }, reject)
  })

/** Resolves once it is open, or will never be, or the signal is aborted. */
export const opened = (kept: KeptOpen<unknown>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      quit()
      signal.removeEventListener('abort', end)
      resolve()
    }
    let quit = (): void => undefined
    if (signal.aborted) {
      resolve()
      return
    }
    signal.addEventListener('abort', end)
    quit = kept.whenOpen(end, end)
  })

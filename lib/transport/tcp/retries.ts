/** Events that wait for another attempt, in this process' memory: they hold no slot and no connection. */
import type { Clock } from '../../core/clock.js'

export interface Retries {
  /** Calls `run` in `delayMs`; false when there is no room to wait. */
  readonly add: (endpoint: string, bytes: number, delayMs: number, run: () => void) => boolean
  readonly full: () => boolean
  /** Forgets everything that waits and tells how many of each endpoint there were. */
  readonly drop: () => ReadonlyMap<string, number>
}

interface Waiting {
  readonly endpoint: string
  readonly cancel: () => void
}

export const retries = (clock: Clock, maxCount: number, maxBytes: number): Retries => {
  const waiting = new Set<Waiting>()
  let total = 0
  const full = (): boolean => waiting.size >= maxCount || total >= maxBytes
  return {
    add: (endpoint, bytes, delayMs, run) => {
      if (full()) return false
      const entry: Waiting = {
        endpoint,
        cancel: clock.after(delayMs, () => {
          waiting.delete(entry)
          total -= bytes
          run()
        }),
      }
      waiting.add(entry)
      total += bytes
      return true
    },
    full,
    drop: () => {
      const counts = new Map<string, number>()
      for (const { endpoint, cancel } of waiting) {
        cancel()
        counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1)
      }
      waiting.clear()
      total = 0
      return counts
    },
  }
}

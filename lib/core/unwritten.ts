/** What has become of events and is not written down yet: acknowledgements, retries, dead letters. */
import type { IO } from 'fp-ts/lib/IO.js'
import type { Clock } from './clock.js'

export interface Unwritten {
  /** A write begins, or is tried again. */
  readonly add: (write: object) => void
  /** It is over, one way or the other. */
  readonly remove: (write: object) => void
  /** One of them has not come to an end for more than 5 s. */
  readonly stalled: IO<boolean>
}

const stalledAfterMs = 5_000

export const unwritten = ({ now }: Clock): Unwritten => {
  // n.b. a map keeps the order of its keys: the first has waited longest
  const since = new Map<object, number>()
  return {
    add: (write) => {
      if (!since.has(write)) since.set(write, now())
    },
    remove: (write) => {
      since.delete(write)
    },
    stalled: () => {
      for (const at of since.values()) return now() - at > stalledAfterMs
      return false
    },
  }
}

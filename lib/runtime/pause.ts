/** Holds up a subscription whose handlers keep throwing: a database that is down is not poison in twenty messages. */
import type { Outcome } from '../core/outcome.js'
import type { Environment } from '../transport/transport.js'
import type { Job } from './job.js'

export interface Pause {
  readonly paused: () => boolean
  /** Whether a delivery may start now: while paused only a probe may, once its time has come. */
  readonly open: () => boolean
  /** A delivery starts. */
  readonly starts: (job: Job) => void
  /** What a start came to: once, and before what follows from it is decided. */
  readonly ended: (job: Job, outcome: Outcome['_tag']) => void
  /** It holds its slot no more. A probe whose handler never ran has shown nothing, and the next one takes its place. */
  readonly left: (job: Job) => void
  /** Forgets its timer; nothing is paused any more. */
  readonly lift: () => void
}

/** Defects in a row that pause a subscription. */
const tooMany = 20
/** Until the first probe, and at most until one after a probe that failed, in milliseconds. */
const firstMs = 1_000
const longestMs = 60_000

/** `resume` is called when a delivery may start that might not before. */
export const pause = (
  endpoint: string,
  { clock, log }: Pick<Environment, 'clock' | 'log'>,
  resume: () => void,
): Pause => {
  // n.b. paused is to have reached the limit: the one number that each outcome costs
  let inARow = 0
  let limit = tooMany
  let due = false
  let probe: Job | undefined
  let forget = (): void => undefined

  const paused = (): boolean => inARow >= limit
  let waitMs = firstMs
  const wait = (ms: number): void => {
    waitMs = ms
    forget = clock.after(ms, () => {
      due = true
      resume()
    })
  }
  const probed = (outcome: Outcome['_tag']): void => {
    probe = undefined
    if (outcome === 'Defect') {
      wait(Math.min(2 * waitMs, longestMs))
      return
    }
    inARow = 0
    log(`taskwire: ${endpoint} is resumed: an event was handled without a defect`)
    resume()
  }
  return {
    paused,
    open: () => inARow < limit || due,
    starts: (job) => {
      if (!paused()) return
      due = false
      probe = job
    },
    ended: (job, outcome) => {
      // n.b. of those that started before the pause none ends it: what they found is old
      if (paused()) {
        if (job === probe && outcome !== 'Invalid') probed(outcome)
      } else if (outcome !== 'Defect') inARow = 0
      else if (++inARow === limit) {
        const then = 'one event is tried in 1 s, and the first that ends without a defect resumes it'
        log(`taskwire: ${endpoint} is paused after ${String(limit)} defects in a row; ${then}`)
        wait(firstMs)
      }
    },
    left: (job) => {
      if (job !== probe) return
      probe = undefined
      due = true
    },
    lift: () => {
      limit = Number.POSITIVE_INFINITY
      forget()
    },
  }
}

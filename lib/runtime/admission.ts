import { line } from '../core/line.js'
import type { Job } from './job.js'

/** How many deliveries of one endpoint may wait before senders are made to wait for their acknowledgement. */
export const admittedWaiting = 1_000

/** Decides when a delivery counts as accepted, for transports whose sender waits for that. */
export interface Admission {
  /** A delivery begins to wait. */
  readonly waits: (job: Job) => void
  /** A delivery stops waiting, to start or to be given back. */
  readonly leaves: (job: Job) => void
}

/** Tells the transport that a delivery is accepted, once. */
export const accept = (job: Job, as: 'counted' | 'accepted'): void => {
  const told = job.admission === 'counted' || job.admission === 'accepted'
  job.admission = as
  if (!told) job.admitted?.(undefined)
}

/** Accepts a delivery at once while fewer than `limit` wait, else as soon as others have left. */
export const admission = (limit = admittedWaiting): Admission => {
  const held = line<Job>()
  let waiting = 0
  return {
    waits: (job) => {
      if (job.admission !== 'none') return
      if (waiting >= limit) {
        job.admission = 'held'
        job.held = held.push(job)
        return
      }
      waiting += 1
      accept(job, 'counted')
    },
    leaves: (job) => {
      if (job.admission === 'held') {
        job.admission = 'none'
        job.held?.()
      }
      if (job.admission !== 'counted') return
      job.admission = 'accepted'
      waiting -= 1
      while (waiting < limit) {
        const next = held.shift()
        if (next === undefined) return
        waiting += 1
        accept(next, 'counted')
      }
    },
  }
}

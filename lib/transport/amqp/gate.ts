/** What waits until a connection is open and takes messages. */
import { line } from '../../core/line.js'
import type { ConnectError } from '../../core/error.js'
import type { KeptOpen } from '../broker/keep-open.js'

/** Something to be sent. One of the two is called, once. */
export interface Job<in A> {
  readonly send: (open: A) => void
  /** There will be no connection any more. */
  readonly never: (error: ConnectError) => void
}

export interface Gate<A> {
  /** Sends at once or in its turn; the result withdraws what has not been sent. */
  readonly push: (job: Job<A>) => () => void
  /** Something has changed: sends what can be sent. */
  readonly flow: () => void
  readonly waiting: () => number
}

const sent = (): void => undefined

/** Keeps the order. `room` tells whether one more may be sent. */
export const gate = <A>(link: KeptOpen<A>, room: (open: A) => boolean): Gate<A> => {
  const jobs = line<Job<A>>()
  let expecting = false
  let flowing = false

  const expect = (): void => {
    if (expecting) return
    expecting = true
    link.whenOpen(
      () => {
        expecting = false
        flow()
      },
      (error) => {
        expecting = false
        for (let next = jobs.shift(); next !== undefined; next = jobs.shift()) next.never(error)
      },
    )
  }
  // n.b. not re-entrant: a job that fails at once may push the next one
  const flow = (): void => {
    if (flowing) return
    flowing = true
    while (jobs.size() > 0) {
      const open = link.current()
      if (open === undefined) {
        flowing = false
        expect()
        return
      }
      if (!room(open)) break
      jobs.shift()?.send(open)
    }
    flowing = false
  }
  return {
    push: (job) => {
      const open = jobs.size() === 0 && !flowing ? link.current() : undefined
      if (open !== undefined && room(open)) {
        flowing = true
        job.send(open)
        flowing = false
        if (jobs.size() > 0) flow()
        return sent
      }
      const leave = jobs.push(job)
      flow()
      return leave
    },
    flow,
    waiting: () => jobs.size(),
  }
}

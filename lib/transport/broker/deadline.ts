/** Deadlines of requests that travel over a broker. */
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { Clock } from '../../core/clock.js'
import type { Answer } from '../transport.js'
import { field, numberOf, type Fields, type Writing } from './attributes.js'

/** What a caller says of the deadlines of its requests. */
export interface DeadlineWriter {
  /** Writes what is left to a request, and when that ends in Unix milliseconds. */
  readonly write: (into: Writing, timeoutMs: number) => void
  /** Learns from the answer to a request that had `timeoutMs` left at `sentAt`, in monotonic milliseconds. */
  readonly heard: (answer: Answer, timeoutMs: number, sentAt: number) => void
}

/** How long after the deadline of a request its reply is still worth sending, in milliseconds: by another clock it is not over. */
export const lateMs = 1_000

/** How long requests go without a time of day once the clocks were found to differ, in milliseconds. */
const apartMs = 60_000

/**
 * A replica that refuses a request as expired, with more than half of its time left, has a clock that runs ahead. For a
 * minute requests then say only how long they have: they come to be handled, and one that has waited at the broker may be
 * handled for a caller that is gone. n.b. near its deadline a request is refused rightly: it waited, and more would not help
 */
export const deadlineWriter = (clock: Clock): DeadlineWriter => {
  let apartUntil = Number.NEGATIVE_INFINITY
  return {
    write: (into, timeoutMs) => {
      const ms = Math.max(1, Math.ceil(timeoutMs))
      into[field.timeout] = String(ms)
      if (clock.now() >= apartUntil) into[field.deadline] = String(Math.ceil(clock.unix()) + ms)
    },
    heard: (answer, timeoutMs, sentAt) => {
      if (answer._tag !== 'Failing' || answer.error._tag !== 'TimeoutError' || answer.processed !== 'no') return
      const now = clock.now()
      if (now - sentAt < timeoutMs / 2) apartUntil = now + apartMs
    },
  }
}

/**
 * The deadline of a request on this clock's monotonic time. The absolute one counts, because the request may have waited
 * at the broker; a clock that runs behind the caller's gains nothing by it, since the time limit holds as well.
 */
export const deadlineOf = (fields: Fields, clock: Clock): Option<number> => {
  const timeout = numberOf(fields, field.timeout)
  const deadline = numberOf(fields, field.deadline)
  if (timeout === undefined && deadline === undefined) return O.none
  const left = deadline === undefined ? Number.POSITIVE_INFINITY : deadline - clock.unix()
  return O.some(clock.now() + Math.min(timeout ?? Number.POSITIVE_INFINITY, left))
}

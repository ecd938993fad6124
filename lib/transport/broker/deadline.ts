/** Deadlines of requests that travel over a broker. */
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { Clock } from '../../core/clock.js'
import { field, numberOf, type Fields, type Writing } from './attributes.js'

/** Writes what is left to a request, and when that ends in Unix milliseconds. */
export const writeDeadline = (into: Writing, timeoutMs: number, clock: Clock): void => {
  const ms = Math.max(1, Math.ceil(timeoutMs))
  into[field.timeout] = String(ms)
  into[field.deadline] = String(Math.ceil(clock.unix()) + ms)
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

import * as O from 'fp-ts/lib/Option.js'
import { describe, expect, test } from 'vitest'
import { field, type Writing } from '../../../lib/transport/broker/attributes.js'
import { deadlineOf, deadlineWriter } from '../../../lib/transport/broker/deadline.js'
import { failing } from '../../../lib/transport/broker/failing.js'
import type { Answer } from '../../../lib/transport/transport.js'

const clock = (unix: number, now = 1_000) => ({ now: () => now, unix: () => unix, after: () => () => undefined })

describe('the deadline of a request', () => {
  const written = (timeoutMs: number, unix: number): Writing => {
    const into: Writing = {}
    deadlineWriter(clock(unix)).write(into, timeoutMs)
    return into
  }

  test('ends when the caller stops waiting, however long the request lay at the broker', () => {
    expect(deadlineOf(written(500, 10_000), clock(10_000))).toEqual(O.some(1_500))
    expect(deadlineOf(written(500, 10_000), clock(10_400))).toEqual(O.some(1_100))
    expect(deadlineOf(written(500, 10_000), clock(11_000))).toEqual(O.some(500))
  })

  test('a clock that runs behind gives no more than the time limit', () => {
    expect(deadlineOf(written(500, 10_000), clock(0))).toEqual(O.some(1_500))
  })

  test('a foreign request has none, and nonsense is none', () => {
    expect(deadlineOf({}, clock(0))).toEqual(O.none)
    expect(deadlineOf({ [field.timeout]: 'soon', [field.deadline]: '-1' }, clock(0))).toEqual(O.none)
  })
})

describe('clocks that differ', () => {
  const expired = { _tag: 'TimeoutError', afterMs: 0, waitingFor: 'handler' } as const
  const refused = failing(expired, 'no', 100)

  /** What is written of a request of 10 s at `at`, once a request of 10 s that left at 0 was answered at 1 s, or at `heardAt`. */
  const after = (answer: Answer, { at = 1_000, heardAt = 1_000 } = {}) => {
    let now = heardAt
    const writer = deadlineWriter({ ...clock(0), now: () => now, unix: () => 1_000_000 + now })
    writer.heard(answer, 10_000, 0)
    now = Math.max(at, heardAt)
    const into: Writing = {}
    writer.write(into, 10_000)
    return into
  }
  const both = { [field.timeout]: '10000', [field.deadline]: '1011000' }

  test('are told by a request that is refused as expired at once; for a minute the next ones say no time of day', () => {
    expect(after(refused)).toEqual({ [field.timeout]: '10000' })
    expect(after(refused, { at: 60_900 })).toEqual({ [field.timeout]: '10000' })
    expect(after(refused, { at: 61_000 })).toEqual({ [field.timeout]: '10000', [field.deadline]: '1071000' })
  })

  test('are not told by one that has waited for half of its time', () => {
    expect(after(refused, { heardAt: 5_000 })).toEqual({ [field.timeout]: '10000', [field.deadline]: '1015000' })
  })

  test('are not told by any other answer', () => {
    for (const answer of [
      failing(expired, 'yes'),
      failing({ _tag: 'Overloaded', limit: 1 }, 'no', 100),
      { _tag: 'Reply', status: 'ok', body: new Uint8Array() },
    ] as const)
      expect(after(answer)).toEqual(both)
  })
})

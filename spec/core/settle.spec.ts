import * as fc from 'fast-check'
import * as O from 'fp-ts/lib/Option.js'
import { delays, type Outcome, type RetryPolicy } from 'taskwire'
import { describe, expect, test } from 'vitest'
import type { Policy } from '../../lib/core/endpoint.js'
import { settleEvent, type Circumstances } from '../../lib/core/settle.js'

const at = (attempt: number, more: Partial<Circumstances> = {}): Circumstances => ({
  attempt,
  unix: 5_000,
  firstFailedAt: undefined,
  chance: 0,
  inPlace: true,
  ...more,
})

const done: Outcome = { _tag: 'Done', value: 1 }
const invalid: Outcome = {
  _tag: 'Invalid',
  issues: [
    { path: '', expected: 'an object' },
    { path: 'a.b', expected: 'number' },
  ],
}
const failed: Outcome = { _tag: 'Failed', error: 'secret' }
const defect: Outcome = { _tag: 'Defect', errorId: 'id', cause: new Error('secret') }
const timedOut: Outcome = { _tag: 'TimedOut', afterMs: 250 }

const none: Policy<never, never> = {}
const retryable: Policy<never, never> = { classify: () => 'retryable' }
const retry = (...ms: ReadonlyArray<number>): Policy<never, never> => ({ retry: delays(...ms) })
const both = (...ms: ReadonlyArray<number>): Policy<never, never> => ({ ...retryable, retry: delays(...ms) })

describe('the settlement of an event', () => {
  test.each<readonly [string, Outcome, Policy<never, never>, number, string]>([
    ['done', done, none, 1, 'Ack'],
    ['done, whatever the policy', done, both(), 4, 'Ack'],
    ['invalid', invalid, none, 1, 'DeadLetter InvalidPayload'],
    ['invalid, though everything may be tried again', invalid, both(1, 1), 1, 'DeadLetter InvalidPayload'],
    ['failed: permanent by default', failed, none, 1, 'DeadLetter HandlerFailed'],
    ['failed: permanent by default, delays or not', failed, retry(1), 1, 'DeadLetter HandlerFailed'],
    ['failed: classified permanent', failed, { classify: () => 'permanent' }, 3, 'DeadLetter HandlerFailed'],
    ['failed: retryable, first', failed, retryable, 1, 'Retry 500 as 2 HandlerFailed'],
    ['failed: retryable, second', failed, retryable, 2, 'Retry 5000 as 3 HandlerFailed'],
    ['failed: retryable, third', failed, retryable, 3, 'Retry 30000 as 4 HandlerFailed'],
    ['failed: retryable, fourth', failed, retryable, 4, 'Retry 300000 as 5 HandlerFailed'],
    ['failed: retryable, fifth and last by default', failed, retryable, 5, 'DeadLetter AttemptsExhausted'],
    ['failed: retryable, with no delay at all', failed, both(), 1, 'DeadLetter HandlerFailed'],
    ['failed: retryable, with none left', failed, both(10), 2, 'DeadLetter AttemptsExhausted'],
    ['failed: retryable, beyond the last', failed, both(10), 9, 'DeadLetter AttemptsExhausted'],
    ['defect at attempt 1: in place', defect, none, 1, 'InPlace'],
    ['defect at attempt 2: in place', defect, none, 2, 'InPlace'],
    ['defect at attempt 3: outside', defect, none, 3, 'Retry 30000 as 4 Defect'],
    ['defect at attempt 5: the last', defect, none, 5, 'DeadLetter AttemptsExhausted'],
    ['defect with no delay at all', defect, retry(), 1, 'DeadLetter Defect'],
    ['defect with none left', defect, retry(10), 2, 'DeadLetter AttemptsExhausted'],
    ['defect, classified or not', defect, { classify: () => 'permanent' }, 3, 'Retry 30000 as 4 Defect'],
    ['timed out at attempt 1: never in place', timedOut, none, 1, 'Retry 500 as 2 Timeout'],
    ['timed out at attempt 5', timedOut, none, 5, 'DeadLetter AttemptsExhausted'],
    ['timed out with no delay at all', timedOut, retry(), 1, 'DeadLetter Timeout'],
  ])('%s', (_, outcome, policy, attempt, expected) => {
    const decision = settleEvent(policy)(outcome, at(attempt))
    const said =
      decision._tag === 'Retry'
        ? `Retry ${decision.delayMs} as ${decision.attempt} ${decision.reason._tag}`
        : decision._tag === 'DeadLetter'
          ? `DeadLetter ${decision.reason._tag}`
          : decision._tag
    expect(said).toBe(expected)
  })

  test('of a retryable failure asks classify with the error', () => {
    const asked: Array<unknown> = []
    const classify = (error: unknown): 'permanent' => {
      asked.push(error)
      return 'permanent'
    }
    settleEvent({ classify: classify })(failed, at(1))
    settleEvent({ classify: classify })(defect, at(1))
    expect(asked).toEqual(['secret'])
  })

  test('is not swallowed when the policy throws: whoever runs it decides', () => {
    const throws = (): never => {
      throw new Error('policy')
    }
    expect(() => settleEvent({ classify: throws })(failed, at(1))).toThrow('policy')
    expect(() => settleEvent({ ...retryable, retry: throws })(failed, at(1))).toThrow('policy')
  })

  test('delays between half of what the policy says and all of it, whatever the policy and the chance', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 10 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat({ max: 9 }),
        (ms, chance, n) => {
          const attempt = (n % ms.length) + 1
          const decision = settleEvent(both(...ms))(failed, at(attempt, { chance }))
          const delayMs = decision._tag === 'Retry' ? decision.delayMs : NaN
          expect(delayMs).toBeGreaterThanOrEqual(ms[attempt - 1]! / 2)
          expect(delayMs).toBeLessThanOrEqual(ms[attempt - 1]!)
        },
      ),
    )
  })

  test.each([
    [1, 0, 0],
    [1, 0.5, 50],
    [2, 0.5, 100],
    [2, 0.999, 199.8],
  ])('of a defect at attempt %i in place comes within 100 ms, then 200 (chance %d)', (attempt, chance, delayMs) => {
    const decision = settleEvent(none)(defect, at(attempt, { chance }))
    expect(decision).toMatchObject({ _tag: 'InPlace' })
    expect(decision._tag === 'InPlace' ? decision.delayMs : NaN).toBeCloseTo(delayMs)
  })

  test('attempts never end sooner or later than the policy says', () => {
    fc.assert(
      fc.property(fc.nat({ max: 20 }), fc.constantFrom(failed, defect, timedOut), (retries, outcome) => {
        const policy: Policy<never, never> = {
          ...retryable,
          retry: delays(...Array.from({ length: retries }, () => 10)),
        }
        let attempt = 1
        while (settleEvent(policy)(outcome, at(attempt))._tag !== 'DeadLetter') attempt++
        expect(attempt).toBe(retries + 1)
      }),
    )
  })
})

describe('the reason', () => {
  const reasonOf = (outcome: Outcome, circumstances: Circumstances, policy: Policy<never, never> = retryable) => {
    const decision = settleEvent(policy)(outcome, circumstances)
    return 'reason' in decision ? decision.reason : undefined
  }

  test('of a payload that did not decode names the places, and counts no start', () => {
    expect(reasonOf(invalid, at(1))).toEqual({
      _tag: 'InvalidPayload',
      message: 'payload: an object; a.b: number',
      errorId: undefined,
      attempts: 0,
      firstFailedAt: 5_000,
      lastFailedAt: 5_000,
    })
  })

  test.each<readonly [Outcome, object]>([
    [failed, { message: 'the handler failed', errorId: undefined }],
    [defect, { message: 'the handler threw', errorId: 'id' }],
    [timedOut, { message: 'the handler did not finish within 250 ms', errorId: undefined }],
  ])('of %j is safe to show, and has the times and the starts so far', (outcome, expected) => {
    const reason = reasonOf(outcome, at(3, { firstFailedAt: 1_000 }))
    expect(reason).toMatchObject({ ...expected, attempts: 3, firstFailedAt: 1_000, lastFailedAt: 5_000 })
    expect(JSON.stringify(reason)).not.toContain('secret')
    expect(reasonOf(outcome, at(5))).toMatchObject({ ...expected, _tag: 'AttemptsExhausted', attempts: 5 })
  })
})

test('a policy is given the status that its own earlier answers make', () => {
  const seen: Array<unknown> = []
  const policy: RetryPolicy = (status) => {
    seen.push(status)
    return O.some(100 * (status.iterNumber + 1))
  }
  expect(settleEvent({ ...retryable, retry: policy })(failed, at(3))).toMatchObject({ delayMs: 150, attempt: 4 })
  expect(seen).toEqual([
    { iterNumber: 0, cumulativeDelay: 0, previousDelay: O.none },
    { iterNumber: 1, cumulativeDelay: 100, previousDelay: O.some(100) },
    { iterNumber: 2, cumulativeDelay: 300, previousDelay: O.some(200) },
  ])
})

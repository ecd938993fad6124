import * as fc from 'fast-check'
import * as O from 'fp-ts/lib/Option.js'
import { Monoid, capDelay, constantDelay, exponentialBackoff, limitRetries } from 'retry-ts'
import { defaultRetry, delays } from 'taskwire'
import { describe, expect, test } from 'vitest'
import { delayAfter, equalJitter, fullJitter } from '../../lib/core/retry.js'

const all = (policy: Parameters<typeof delayAfter>[0], most = 10): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let attempt = 1; attempt <= most; attempt++) {
    const delay = delayAfter(policy, attempt)
    if (O.isNone(delay)) return found
    found.push(delay.value)
  }
  return found
}

describe('a retry policy', () => {
  test('by default makes five attempts in all', () => {
    expect(all(defaultRetry)).toEqual([1_000, 10_000, 60_000, 600_000])
  })

  test('of delays gives each of them, then none', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 9 }), (ms) => {
        expect(all(delays(...ms))).toEqual(ms)
      }),
    )
  })

  test('may be any of retry-ts, and their combinations', () => {
    expect(all(limitRetries(2))).toEqual([0, 0])
    expect(all(Monoid.concat(capDelay(500, exponentialBackoff(100)), limitRetries(4)))).toEqual([100, 200, 400, 500])
    expect(all(constantDelay(7), 100)).toHaveLength(100)
  })

  test('that gives up once has given up: later attempts get nothing either', () => {
    const once = delays(5)
    expect([1, 2, 3, 1_000].map((attempt) => delayAfter(once, attempt))).toEqual([O.some(5), O.none, O.none, O.none])
  })
})

describe('jitter', () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

  test('equal: between half and all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), chance, (ms, c) => {
        expect(equalJitter(ms, c)).toBeGreaterThanOrEqual(ms / 2)
        expect(equalJitter(ms, c)).toBeLessThanOrEqual(ms)
      }),
    )
  })

  test('full: between nothing and the cap, however large n is', () => {
    fc.assert(
      fc.property(fc.nat({ max: 5_000 }), chance, (n, c) => {
        expect(fullJitter(10, 1_000, n, c)).toBeGreaterThanOrEqual(0)
        expect(fullJitter(10, 1_000, n, c)).toBeLessThanOrEqual(Math.min(1_000, 10 * 2 ** n))
      }),
    )
  })
})

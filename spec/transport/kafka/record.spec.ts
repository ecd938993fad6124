import { describe, expect, test } from 'vitest'
import type { Clock } from '../../../lib/core/clock.js'
import { delay, dueIn, notBefore } from '../../../lib/transport/kafka/record.js'

describe('a record of the retry topic', () => {
  const hour = 3_600_000
  const began = 1_700_000_000_000

  /** How long a record waits of which another process, whose clock is right, has said so 100 ms ago. */
  const waits = (delayMs: number, { setBy = 0, wrongBy = 0 } = {}): number => {
    let [now, unix] = [5_000, began + wrongBy]
    const clock: Clock = { now: () => now, unix: () => unix, after: () => () => undefined }
    const left = dueIn(clock)
    now += 1_000
    unix += 1_000 + setBy
    return left({ [notBefore]: String(began + 900 + delayMs), [delay]: String(delayMs) })
  }

  test('waits for what is left of its delay', () => {
    expect(waits(2_000)).toBe(1_900)
    expect(waits(50)).toBe(0)
  })

  test('comes neither early nor late where the wall clock is set ahead, and its delay after that where it is set back', () => {
    expect(waits(2_000, { setBy: hour })).toBe(1_900)
    expect(waits(2_000, { setBy: -hour })).toBe(2_000)
  })

  test('waits no longer than its delay where clocks differ', () => {
    expect(waits(2_000, { wrongBy: -hour })).toBe(2_000)
  })

  test('of another make, or with nonsense, starts at once or within a day', () => {
    const clock: Clock = { now: () => 0, unix: () => began, after: () => () => undefined }
    for (const fields of [{}, { [notBefore]: 'soon' }, { [notBefore]: '-1', [delay]: '-1' }])
      expect(dueIn(clock)(fields)).toBe(0)
    const late = String(Number.MAX_SAFE_INTEGER)
    expect(dueIn(clock)({ [notBefore]: late })).toBe(24 * hour)
    expect(dueIn(clock)({ [notBefore]: late, [delay]: late })).toBe(24 * hour)
  })
})

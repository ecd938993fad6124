import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { freshId, realClock, secureRandom } from '../../lib/core/clock.js'
import { seededRandom } from '../../lib/testing/virtual-clock.js'

describe('secureRandom', () => {
  test('numbers are in [0, 1) and spread evenly, over many refills of its pool', () => {
    const random = secureRandom()
    const tenths = new Uint32Array(10)
    for (let i = 0; i < 100_000; i++) {
      const value = random()
      if (!(value >= 0 && value < 1)) throw new Error(String(value))
      tenths[Math.floor(value * 10)]! += 1
    }
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(700)
  })

  test('two sources give different numbers', () => {
    const [one, two] = [secureRandom(), secureRandom()]
    expect([one(), one(), one()]).not.toEqual([two(), two(), two()])
  })
})

describe('freshId', () => {
  test('is 32 hexadecimal digits, whatever the numbers', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (numbers) => {
        expect(freshId(() => numbers.next().value ?? 0)).toMatch(/^[0-9a-f]{32}$/)
      }),
    )
    expect(freshId(() => 0)).toBe('0'.repeat(32))
    expect(freshId(() => 1 - Number.EPSILON / 2)).toBe('f'.repeat(32))
  })

  test('200,000 of them differ, and no two share more than chance gives', () => {
    const random = secureRandom()
    const ids = Array.from({ length: 200_000 }, () => freshId(random))
    expect(new Set(ids).size).toBe(200_000)
    for (const at of [0, 8, 16, 24])
      expect(new Set(ids.map((id) => id.slice(at, at + 8))).size).toBeGreaterThan(199_900)
  })

  test('repeats itself with a seed', () => {
    expect(freshId(seededRandom(3))).toBe(freshId(seededRandom(3)))
  })
})

describe('realClock', () => {
  test('runs once, not before its time, and never when it was forgotten', async () => {
    const started = realClock.now()
    let forgotten = 0
    realClock.after(10, () => forgotten++)()
    const elapsed = await new Promise<number>((resolve) => {
      realClock.after(30, () => resolve(realClock.now() - started))
    })
    expect(elapsed).toBeGreaterThan(28)
    expect(forgotten).toBe(0)
  })

  test('a wait longer than the timers of the platform is not over at once', async () => {
    let ran = false
    const forget = realClock.after(2 ** 32, () => (ran = true))
    await new Promise((resolve) => setTimeout(resolve, 20))
    forget()
    expect(ran).toBe(false)
  })

  test('unix is the time of day in milliseconds', () => {
    expect(Math.abs(realClock.unix() - Date.now())).toBeLessThan(1_000)
  })
})

import { describe, expect, test } from 'vitest'
import { seededRandom, virtualClock } from '../../lib/testing/virtual-clock.js'

describe('virtualClock', () => {
  test('stands still until it is moved, and starts where it is told', async () => {
    const { clock, advance } = virtualClock({ now: 500, unix: 10_000 })
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect([clock.now(), clock.unix()]).toEqual([500, 10_000])
    await advance(250)
    expect([clock.now(), clock.unix()]).toEqual([750, 10_250])
  })

  test('runs each timer at its own time, in the order due, equals in the order set', async () => {
    const { clock, advance, pending } = virtualClock()
    const seen: Array<readonly [string, number]> = []
    const note = (name: string) => () => void seen.push([name, clock.now()])
    clock.after(30, note('c'))
    clock.after(10, note('a'))
    clock.after(30, note('d'))
    clock.after(20, note('b'))
    clock.after(31, note('later'))
    await advance(30)
    expect(seen).toEqual([
      ['a', 10],
      ['b', 20],
      ['c', 30],
      ['d', 30],
    ])
    expect([clock.now(), pending()]).toEqual([30, 1])
  })

  test('promise chains settle between timers, so that a timer set by one runs in its own time', async () => {
    const { clock, advance } = virtualClock()
    const seen: Array<number> = []
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve))
    const loop = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        await sleep(10)
        for (let j = 0; j < 50; j++) await Promise.resolve()
        seen.push(clock.now())
      }
    }
    const done = loop()
    await advance(50)
    await done
    expect(seen).toEqual([10, 20, 30, 40, 50])
  })

  test('a forgotten timer never runs, and forgetting twice is harmless', async () => {
    const { clock, advance, pending } = virtualClock()
    let ran = 0
    const forget = clock.after(10, () => ran++)
    clock.after(10, () => ran++)
    forget()
    forget()
    expect(pending()).toBe(1)
    await advance(20)
    forget()
    expect([ran, pending()]).toEqual([1, 0])
  })

  test('a jump of the wall clock reaches neither the monotonic time nor any timer', async () => {
    const { clock, advance, shiftUnix } = virtualClock({ unix: 1_000_000 })
    let ran = 0
    clock.after(100, () => ran++)
    shiftUnix(3_600_000)
    await advance(99)
    expect([clock.now(), clock.unix(), ran]).toEqual([99, 4_600_099, 0])
    shiftUnix(-7_200_000)
    await advance(1)
    expect([clock.unix(), ran]).toEqual([-2_599_900, 1])
  })

  test('runAll goes on while something but idle timers is left, and no longer than its limit', async () => {
    const { clock, runAll, pending } = virtualClock()
    let ticks = 0
    const tick = (): void => {
      ticks++
      clock.after(10, tick, true)
    }
    tick()
    clock.after(35, () => void clock.after(20, () => undefined))
    await runAll()
    expect([clock.now(), pending()]).toEqual([55, 1])
    const again = (): void => void clock.after(1_000, again)
    again()
    await runAll(5_000)
    expect(clock.now()).toBeLessThanOrEqual(5_055)
    expect(ticks).toBeGreaterThan(5)
  })
})

describe('seededRandom', () => {
  test('the same seed gives the same numbers, another seed gives others', () => {
    const draw = (seed: number): ReadonlyArray<number> => Array.from({ length: 100 }, seededRandom(seed))
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  test('it is mulberry32', () => {
    const random = seededRandom(1)
    expect([random(), random(), random()]).toEqual([0.6270739405881613, 0.002735721180215478, 0.5274470399599522])
  })

  test('numbers are in [0, 1) and spread evenly', () => {
    const random = seededRandom(42)
    const tenths = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 100_000; i++) {
      const value = random()
      expect(value >= 0 && value < 1).toBe(true)
      const tenth = Math.floor(value * 10)
      tenths[tenth] = (tenths[tenth] ?? 0) + 1
    }
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })
})

import { describe, expect, test } from 'vitest'
import type { Clock } from '../../lib/core/clock.js'
import { deadlines, tickMs, type Due } from '../../lib/core/deadlines.js'
import { seededRandom, virtualClock } from '../../lib/testing/virtual-clock.js'

interface Entry extends Due {
  readonly id: number
}
const entry = (dueAt: number, id = 0): Entry => ({ dueAt, slot: -1, id })

const watched = () => {
  const time = virtualClock()
  const expired: Array<readonly [id: number, at: number]> = []
  const table = deadlines<Entry>(time.clock, ({ id }) => expired.push([id, time.clock.now()]))
  return { time, expired, table }
}

describe('deadlines', () => {
  test('expire each entry once, never early, and within one tick', async () => {
    const { time, expired, table } = watched()
    const random = seededRandom(7)
    const dues = Array.from({ length: 500 }, (_, id) => entry(Math.floor(random() * 1_000), id))
    for (const due of dues) table.add(due)
    await time.advance(1_000 + tickMs)
    expect(expired).toHaveLength(500)
    for (const [id, at] of expired) {
      expect(at).toBeGreaterThanOrEqual(dues[id]!.dueAt)
      expect(at - dues[id]!.dueAt).toBeLessThanOrEqual(tickMs)
    }
    expect([table.all.length, time.pending()]).toEqual([0, 0])
  })

  test('forget what was removed, wherever it stands among 10,000', async () => {
    const { time, expired, table } = watched()
    const dues = Array.from({ length: 10_000 }, (_, id) => entry(100, id))
    for (const due of dues) table.add(due)
    for (const due of dues) if (due.id % 3 !== 0) table.remove(due)
    expect(table.all).toHaveLength(3_334)
    expect(table.all.every((due, at) => due.slot === at)).toBe(true)
    await time.advance(100)
    expect(new Set(expired.map(([id]) => id))).toEqual(new Set(dues.map(({ id }) => id).filter((id) => id % 3 === 0)))
    expect(time.pending()).toBe(0)
  })

  test('take an entry out before they say that it expired; removing it once more does nothing', async () => {
    const time = virtualClock()
    const seen: Array<number> = []
    const table = deadlines<Entry>(time.clock, (due) => {
      seen.push(due.slot, table.all.length)
      table.remove(due)
    })
    table.add(entry(0))
    await time.advance(tickMs)
    expect(seen).toEqual([-1, 0])
  })

  test('leave alone what an expiring entry removed, or put back for later', async () => {
    const time = virtualClock()
    const seen: Array<number> = []
    const [removed, later, far] = [entry(10, 2), { ...entry(10, 3), dueAt: 10 }, entry(1_000, 4)]
    const table = deadlines<Entry>(time.clock, ({ id }) => {
      seen.push(id)
      if (id !== 1) return
      table.remove(removed)
      table.remove(later)
      table.add(Object.assign(later, { dueAt: 100 }))
    })
    for (const one of [entry(10, 1), removed, later, far]) table.add(one)
    await time.advance(20)
    expect(seen).toEqual([1])
    await time.advance(80)
    expect(seen).toEqual([1, 3])
    await time.advance(1_000)
    expect(seen).toEqual([1, 3, 4])
    expect(table.all).toHaveLength(0)
  })

  test('watch what is added while another expires', async () => {
    const time = virtualClock()
    const seen: Array<number> = []
    const table = deadlines<Entry>(time.clock, ({ id }) => {
      seen.push(id)
      if (id < 3) table.add(entry(time.clock.now() + 50, id + 1))
    })
    table.add(entry(0, 1))
    await time.advance(200)
    expect(seen).toEqual([1, 2, 3])
    expect(time.pending()).toBe(0)
  })

  test('have one timer while there is anything to watch, and none otherwise', async () => {
    const { time, table } = watched()
    expect(time.pending()).toBe(0)
    const [one, two] = [entry(1_000), entry(1_000)]
    table.add(one)
    table.add(two)
    expect(time.pending()).toBe(1)
    table.remove(one)
    table.remove(two)
    await time.advance(tickMs)
    expect(time.pending()).toBe(0)
    table.add(entry(5_000))
    table.stop()
    expect(time.pending()).toBe(0)
  })

  test('of entries without end keep watching the others', async () => {
    const { time, expired, table } = watched()
    table.add(entry(Number.POSITIVE_INFINITY, 1))
    table.add(entry(50, 2))
    await time.advance(10_000)
    expect(expired).toEqual([[2, 60]])
  })

  test('are untouched by a jump of the wall clock', async () => {
    const { time, expired, table } = watched()
    table.add(entry(500, 1))
    for (const ms of [3_600_000, -7_200_000]) {
      time.shiftUnix(ms)
      await time.advance(100)
    }
    expect(expired).toEqual([])
    await time.advance(300)
    expect(expired).toEqual([[1, 500]])
  })
})

describe('after a pause of the event loop', () => {
  /** A clock whose timers run late: `pause` passes time while nothing can run. */
  const paused = () => {
    let now = 0
    let timer: (() => void) | undefined
    const clock: Clock = {
      now: () => now,
      unix: () => now,
      after: (ms, run) => {
        const at = now + ms
        timer = () => {
          now = Math.max(now, at)
          run()
        }
        return () => {
          timer = undefined
        }
      },
    }
    const tick = (): void => {
      const run = timer
      timer = undefined
      run?.()
    }
    return { clock, tick, pause: (ms: number) => (now += ms), armed: () => timer !== undefined }
  }

  test.each([
    ['as long as the pause took', 160, 140],
    ['half a second', 10_000, 500],
  ])('entries have %s, so that what arrived meanwhile can still settle them', (_, pauseMs, graceMs) => {
    const { clock, tick, pause, armed } = paused()
    const expired: Array<number> = []
    const table = deadlines<Entry>(clock, ({ id }) => expired.push(id))
    const dues = Array.from({ length: 1_000 }, (_, id) => entry(100, id))
    for (const due of dues) table.add(due)
    pause(pauseMs)
    tick()
    for (let passed = 20; passed < graceMs; passed += 20) {
      pause(20)
      tick()
    }
    expect(expired).toEqual([])
    for (const due of dues) if (due.id !== 5) table.remove(due)
    pause(20)
    tick()
    expect(expired).toEqual([5])
    expect(armed()).toBe(false)
  })

  test('entries expire all the same when every tick comes late', () => {
    const { clock, tick, pause } = paused()
    const expired: Array<number> = []
    const table = deadlines<Entry>(clock, ({ id }) => expired.push(id))
    table.add(entry(1_000, 1))
    for (let i = 0; i < 4; i++) {
      pause(1_000)
      tick()
    }
    expect(expired).toEqual([1])
  })
})

import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../lib/core/clock.js'
import { ticker } from '../../../lib/transport/tcp/tick.js'
import { virtualClock } from '../../../lib/testing/virtual-clock.js'

describe('the tick', () => {
  it('counts the time that passes while it runs', async () => {
    const { clock, advance } = virtualClock()
    const seen: Array<number> = []
    const ticks = ticker(clock, 100, (time) => seen.push(time))
    ticks.start()
    ticks.start()
    await advance(350)
    ticks.stop()
    await advance(350)
    expect(seen).toEqual([100, 200, 300])
    expect(ticks.time()).toBe(300)
  })

  it('takes a blocked event loop for two ticks at most, and a wall clock that jumps for nothing', () => {
    let now = 0
    let run = (): void => undefined
    const clock: Clock = {
      now: () => now,
      unix: () => now * 3_600_000,
      after: (_ms, next) => {
        run = next
        return () => undefined
      },
    }
    const ticks = ticker(clock, 100, () => undefined)
    ticks.start()
    now = 100
    run()
    now = 10_100
    run()
    expect(ticks.time()).toBe(300)
    now = 9_000
    run()
    expect(ticks.time()).toBe(300)
  })
})

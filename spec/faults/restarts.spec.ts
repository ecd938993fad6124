/** A broker that is killed and started again. */
import { beforeAll, expect } from 'vitest'
import type { Broker } from '../brokers/broker.js'
import { kinds } from '../brokers/software.js'
import { withOwnBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask, emit, load } from './load.js'

for (const kind of kinds)
  await withOwnBroker(kind, (start) => {
    let broker: Broker
    beforeAll(async () => {
      broker = await start()
    }, 120_000)

    const total = 10_000
    fault(
      'F01',
      kind,
      'Of 10,000 events, none that was accepted is lost when the broker is killed after a third and after a half of them, and what runs goes on by itself.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { serve, call } = cast(trial, kind, broker.url)
        const running = await serve()
        const client = call()
        await emit(client, page, total)
        await ask(client, page, 1)
        await broker.flush()
        const loaded = load(client, page, { to: total, timeout: 120_000, requestEvery: 50, pace: 1 })
        for (const [name, share] of [
          ['a third', 1 / 3],
          ['a half', 1 / 2],
        ] as const) {
          await until(`${name} is accepted`, () => page.count('confirmed') > total * share)
          trial.fault(`SIGKILL of the broker after ${name}, and a start`)
          await broker.kill()
          await until('readiness is false', () => !running.health().ready)
          await broker.restart()
          const open = performance.now()
          const before = page.count('handled')
          // The figure is the time until something is handled again; ten times 5 s is what a busy machine may add.
          await until('something is handled again', () => page.count('handled') > before, 50_000)
          figure(
            `consumingAgainAfter${name === 'a third' ? 'First' : 'Second'}Ms`,
            Math.round(performance.now() - open),
          )
        }
        await loaded
        expect(page.count('confirmed')).toBe(total + 1)
        await drained()
        await until('readiness is true', () => running.health().ready)
        await ask(client, page, 2)
      },
      { limitMs: 300_000 },
    )
  })

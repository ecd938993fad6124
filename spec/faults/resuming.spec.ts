/** A broker that goes again and again, and one that goes while handlers run. */
import * as E from 'fp-ts/lib/Either.js'
import { beforeAll, expect } from 'vitest'
import { gate } from '../../lib/testing/conformance/expect.js'
import type { Broker } from '../brokers/broker.js'
import { kinds } from '../brokers/software.js'
import { withOwnBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask, emit, load } from './load.js'

const times = 10
/** Events that are on their way at each restart. */
const share = 200

/** Handlers that run when the broker goes; half of them end while it is away. */
const held = 8

for (const kind of kinds)
  await withOwnBroker(kind, (start) => {
    let broker: Broker
    beforeAll(async () => {
      broker = await start()
    }, 120_000)

    fault(
      'F02',
      kind,
      `Whoever runs goes on by himself after each of ${times} restarts of the broker in a row under load, and loses nothing.`,
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { serve, call } = cast(trial, kind, broker.url)
        const running = await serve()
        const client = call()
        await emit(client, page, times * share)
        await ask(client, page, 0)
        await broker.flush()
        // n.b. Kafka is away for its session of 5 s after a SIGKILL, which F01 waits for
        const end = kind === 'kafka' ? broker.terminate : broker.kill
        trial.fault(`${times} times: ${kind === 'kafka' ? 'SIGTERM' : 'SIGKILL'} of the broker, and a start`)
        let slowest = 0
        for (let round = 0; round < times; round++) {
          const from = round * share
          const loaded = load(client, page, { from, to: from + share, window: 20, pace: 5, timeout: 90_000 })
          await until('some are accepted', () => page.count('confirmed') > from + share / 4)
          await end()
          await until('readiness is false', () => !running.health().ready)
          await broker.restart()
          const open = performance.now()
          await until('readiness is true', () => running.health().ready)
          expect(await ask(client, page, round)).toEqual(E.right(round))
          await loaded
          await drained()
          slowest = Math.max(slowest, performance.now() - open)
        }
        figure('slowestResumeMs', Math.round(slowest))
        expect(page.count('confirmed')).toBe(times * share + 1)
      },
      { limitMs: 900_000 },
    )

    fault(
      'F03',
      kind,
      'Events whose handlers run while the broker dies, so that no acknowledgement arrives, are settled once it is back, and all that follow are handled.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { serve, call } = cast(trial, kind, broker.url)
        const during = gate()
        const after = gate()
        const starts: Array<{ readonly id: number; readonly attempt: number }> = []
        const running = await serve({
          concurrency: held,
          work:
            (id, { attempt }) =>
            async () => {
              const again = starts.some((one) => one.id === id)
              starts.push({ id, attempt })
              if (id < held && !again) await (id < held / 2 ? during : after).passed
              page.handled(id, 'the first')
              return E.right(undefined)
            },
        })
        const client = call()
        for (let id = 0; id < held; id++) await emit(client, page, id, 60_000, '')
        await until(
          () => `the handlers run: ${starts.length}`,
          () => starts.length === held,
        )
        await broker.flush()
        trial.fault(
          `SIGKILL of the broker while ${held} handlers run: half of them end before it is back, half after that`,
        )
        await broker.kill()
        await until('readiness is false', () => !running.health().ready)
        during.open()
        await until('half of them have ended', () => page.count('handled') === held / 2)
        await broker.restart()
        await until('readiness is true', () => running.health().ready)
        after.open()
        await load(client, page, { from: held, to: 100, keys: 0 })
        await drained()
        await until('all are through', () => starts.length >= 100)
        const repeated = starts.slice(held).filter(({ id }) => id < held)
        figure('startedAgain', repeated.length)
        // n.b. RabbitMQ takes no late acknowledgement: it has its messages back, and counts
        if (kind === 'amqp')
          expect(repeated.map(({ attempt }) => attempt)).toEqual(Array.from({ length: held }, () => 2))
        await until('the last are settled', () => running.health().ready)
        await running.stop()
        // Nothing is left over: whoever comes next gets what comes next.
        await serve({ by: 'the next' })
        expect(await emit(client, page, 100)).toEqual(E.right(undefined))
        await drained()
        expect(page.entries.filter(({ by }) => by === 'the next').map(({ id }) => id)).toEqual([100])
      },
    )
  })

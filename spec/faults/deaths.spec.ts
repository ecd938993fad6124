/** Replicas that die in the middle of their work. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import { expect } from 'vitest'
import { kinds, type Kind } from '../brokers/software.js'
import { withBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { foreign } from './foreign.js'
import { emit, load } from './load.js'
import { lease } from './transports.js'

/** Starts of an event whose handler kills its process: as many as there may be, and two on Kafka, which has no limit. */
const limits: Readonly<Record<Kind, number>> = { redis: 3, amqp: 21, kafka: 2 }

/** Events beside it. */
const others = 20

for (const kind of kinds)
  await withBroker(kind, (url) => {
    fault(
      'F04',
      kind,
      'What a replica was handling when it was killed is handled by another one, within the time of its lease or session.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { serve, spawn, call, pull } = cast(trial, kind, url)
        const attempts = new Map<number, number>()
        await serve({
          work: (id, { attempt }) =>
            TE.fromIO(() => {
              attempts.set(id, attempt)
              page.handled(id)
            }),
        })
        const victim = await spawn({ by: 'victim', handlerMs: -1 })
        const loaded = load(call(), page, { to: 1_000, keys: 0, window: 10, pace: 5 })
        await until('the victim has eight handlers under way', () => {
          pull()
          return page.starts.length === 8
        })
        const begun = page.starts.map(({ id }) => id)
        trial.fault('SIGKILL of a replica with eight handlers under way')
        victim.signal('SIGKILL')
        const killed = performance.now()
        await until(
          () => `another one handles them: ${begun.filter((id) => !attempts.has(id)).join()}`,
          () => begun.every((id) => attempts.has(id)),
          10 * lease[kind],
        )
        figure('handledByAnotherAfterMs', Math.round(performance.now() - killed))
        // n.b. Kafka counts no deliveries
        const first = kind === 'kafka' ? 1 : 2
        expect(begun.filter((id) => attempts.get(id)! < first)).toEqual([])
        await loaded
        await drained()
      },
    )

    fault(
      'F22',
      kind,
      kind === 'kafka'
        ? 'An event whose handler kills its process is started again as attempt 1, because Kafka counts nothing, and is handled once its process lives.'
        : `An event whose handler kills its process each time is started ${limits[kind]} times in all, then it is a dead letter, and the others are handled.`,
      async (trial) => {
        const { page, until, drained } = trial
        const { site, serve, spawn, call, pull } = cast(trial, kind, url, { maxDeliveries: limits[kind] })
        const { letters } = await foreign(site)
        const client = call()
        let count = 0
        // Replicas, one after another, until the event has had its last start.
        const lane = async (): Promise<void> => {
          while (!(await over())) {
            const number = (count += 1)
            const child = await spawn({ by: `number ${number}`, dies: 'started', diesOf: 0, concurrency: 1 })
            if (number === 1) for (let id = 0; id < others; id++) await emit(client, page, id, 60_000, '')
            await until('it dies, or the event is set aside', async () => !child.running() || over(), 300_000)
          }
        }
        const over = async (): Promise<boolean> => {
          pull()
          const starts = page.starts.filter(({ id }) => id === 0).length
          return starts >= limits[kind] && (kind === 'kafka' || (await letters()).length > 0)
        }
        trial.fault('SIGKILL of each replica that starts the event')
        await Promise.all(Array.from({ length: kind === 'amqp' ? 4 : 1 }, lane))
        const found = await letters()
        expect(found.map(({ body }) => Number(body))).toEqual(kind === 'kafka' ? [] : [0])
        for (const { body } of found) page.buried(Number(body))
        await serve()
        await drained(pull)
        const attempts = page.starts.filter(({ id }) => id === 0).map(({ attempt }) => attempt)
        expect(attempts).toEqual(Array.from({ length: limits[kind] }, (_, n) => (kind === 'kafka' ? 1 : n + 1)))
      },
      { limitMs: 400_000 },
    )
  })

/**
 * Writes to Kafka of which a part is missing from the answer, as when a leader moves to a broker that has already answered. One
 * broker never does that by itself: here the requests and answers on their way to a real one are cut.
 */
import { expect } from 'vitest'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { partitionOf } from '../../lib/transport/kafka/murmur2.js'
import { namesOf } from '../../lib/transport/kafka/names.js'
import { withBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { foreign } from './foreign.js'
import { keyOf, load, patterns } from './load.js'
import { overtaken } from './order.js'
import { partial, type Missing } from './partial.js'
import { group } from './worker.js'

const keys = 20
const partitions = 3
const at = (id: number): number => partitionOf(Buffer.from(keyOf(id, keys)), partitions)

/** Each third time of a topic something is missing, by turns the records and their answer. */
const byTurns = (topic: string): Missing => {
  let times = 0
  return (of) => {
    if (of !== topic) return 'nothing'
    times += 1
    return times % 3 !== 0 ? 'nothing' : times % 2 === 0 ? 'records' : 'answer'
  }
}

await withBroker('kafka', (url) => {
  fault(
    'F21',
    'kafka',
    'When the answer to a write lacks a partition, its events are written again, or fail: none is reported as accepted that is not there.',
    async (trial) => {
      const { page, drained, figure } = trial
      const way = await partial(url)
      const { site, serve, call } = cast(trial, 'kafka', url)
      const topic = namesOf(site.prefix).events(patterns.event)
      await serve()
      const client = call({ ...site, via: way.port })
      await load(client, page, { to: 100, keys })

      trial.fault('now and then a partition is missing from a write, or from its answer')
      way.missing(byTurns(topic))
      await load(client, page, { from: 100, to: 4_000, keys })
      expect(Object.fromEntries(page.errors)).toEqual({})
      const { records, answer } = way.count()
      figure('missingWrites', records)
      figure('missingAnswers', answer)
      expect(Math.min(records, answer)).toBeGreaterThan(20)
      await drained()
      expect(overtaken(page, (id) => keyOf(id, keys))).toEqual([])

      trial.fault('one of three partitions is missing from every write')
      way.missing((of, partition) => (of === topic && partition === 1 ? 'records' : 'nothing'))
      await load(client, page, { from: 4_000, to: 4_100, keys, window: 100, timeout: 3_000 })
      const accepted = new Set(page.entries.filter(({ what }) => what === 'confirmed').map(({ id }) => id))
      for (let id = 4_000; id < 4_100; id++) expect([id, accepted.has(id)]).toEqual([id, at(id) !== 1])
      figure(
        'failedWrites',
        [...page.errors.values()].reduce((sum, count) => sum + count, 0),
      )
      expect([...page.errors.keys()]).toEqual(['OutcomeUnknown'])

      trial.fault('all of them are there again')
      way.missing(() => 'nothing')
      await load(client, page, { from: 4_100, to: 4_200, keys })
      expect(page.count('confirmed')).toBe(4_200 - [...page.errors.values()].reduce((sum, count) => sum + count, 0))
      await drained()
    },
  )

  fault(
    'F21',
    'kafka',
    'When the answer to a write of dead letters lacks their partition, no event is done with before its letter is there.',
    async (trial) => {
      const { page, until, drained, figure } = trial
      const way = await partial(url)
      const { site, serve, call } = cast(trial, 'kafka', url)
      const topic = namesOf(site.prefix).letters(patterns.event, group)
      trial.fault('now and then the partition is missing from a write of dead letters, or from its answer')
      way.missing(byTurns(topic))
      const running = await serve({
        site: { ...site, via: way.port },
        work: (id) => (id % 2 === 1 ? TE.left('closed') : TE.fromIO(() => page.handled(id))),
      })
      await load(call(), page, { to: 1_000, keys, window: 20, pace: 2 })
      const program = await foreign(site)
      const buried = new Set<number>()
      await until(
        () => `each second event lies there (${buried.size} of 500)`,
        async () => {
          for (const { body } of await program.letters()) buried.add(Number(String(body)))
          return buried.size === 500
        },
      )
      for (const id of buried) page.buried(id)
      await drained()
      const { records, answer } = way.count()
      figure('missingWrites', records)
      figure('missingAnswers', answer)
      expect(Math.min(records, answer)).toBeGreaterThan(5)
      expect(running.health().ready).toBe(true)
    },
    { variant: 'letters' },
  )
})

/** What a service lives on is taken away under it: streams, groups, queues, topics, and what is in them. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'amqplib'
import { Redis } from 'ioredis'
import { expect, onTestFinished } from 'vitest'
import { kinds, type Kind } from '../brokers/software.js'
import { withBroker, withOwnBroker } from '../brokers/suite.js'
import { eventQueue, requestQueue } from '../../lib/transport/amqp/names.js'
import { namesOf } from '../../lib/transport/kafka/names.js'
import { eventKeys, groupKeys } from '../../lib/transport/redis/keys.js'
import { foreign } from '../transport/kafka/subject.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask, load, patterns } from './load.js'
import type { Site } from './transports.js'
import { group } from './worker.js'

/** What is done, and what the log has to say about it. */
interface Theft {
  readonly what: string
  readonly run: () => Promise<unknown>
  readonly told: RegExp
  /** The log says how many events are lost. */
  readonly counted?: boolean
}

const onRedis = async ({ url, prefix }: Site): Promise<ReadonlyArray<Theft>> => {
  const client = new Redis(url)
  onTestFinished(async () => {
    const ended = once(client, 'end')
    client.disconnect()
    await ended
  })
  const { stream } = eventKeys(prefix, patterns.event)
  const own = groupKeys(stream, group)
  const told = /is gone, and is made again/
  return [
    { what: 'the group is destroyed', run: () => client.xgroup('DESTROY', stream, own.group), told },
    { what: 'the stream is deleted', run: () => client.del(stream), told },
    {
      what: 'the stream is trimmed',
      run: () => client.xtrim(stream, 'MAXLEN', 0),
      told: /(\d+) entries of .* were removed/,
      counted: true,
    },
    { what: 'everything is flushed', run: () => client.flushall(), told },
  ]
}

const onAmqp = async ({ url, prefix }: Site): Promise<ReadonlyArray<Theft>> => {
  const model = await connect(url)
  onTestFinished(async () => {
    // n.b. the driver leaves the socket to the broker
    const { stream } = model.connection as unknown as { readonly stream: Socket }
    await model.close()
    stream.destroy()
  })
  const channel = await model.createChannel()
  const told = /the queue was deleted/
  return [
    {
      what: 'the queue of events is deleted',
      run: () => channel.deleteQueue(eventQueue(prefix, group, patterns.event)),
      told,
    },
    {
      what: 'the queue of requests is deleted',
      run: () => channel.deleteQueue(requestQueue(prefix, patterns.request)),
      told,
    },
  ]
}

const onKafka = async ({ url, prefix }: Site): Promise<ReadonlyArray<Theft>> => {
  const { admin, close } = await foreign([url])
  onTestFinished(close)
  const names = namesOf(prefix)
  const events = names.events(patterns.event)
  return [
    {
      what: 'records are gone by retention',
      run: async () =>
        admin.deleteTopicRecords({
          topic: events,
          partitions: (await admin.fetchTopicOffsets(events)).map(({ partition, high }) => ({
            partition,
            offset: high,
          })),
        }),
      told: /is gone at the broker; starting over/,
    },
    {
      what: 'the topic of events is deleted',
      run: () => admin.deleteTopics({ topics: [events] }),
      told: /the consumer of .* was lost/,
    },
    {
      what: 'the topic of requests is deleted',
      run: () => admin.deleteTopics({ topics: [names.requests(patterns.request)] }),
      told: /the consumer of .* was lost/,
    },
  ]
}

const thefts: Readonly<Record<Kind, (site: Site) => Promise<ReadonlyArray<Theft>>>> = {
  redis: onRedis,
  amqp: onAmqp,
  kafka: onKafka,
}
/** More than a replica takes ahead. */
const waiting: Readonly<Record<Kind, number>> = { redis: 200, amqp: 200, kafka: 3_000 }

const missing = (kind: Kind, open: () => Promise<string>): void =>
  fault(
    'F15',
    kind,
    'What a service consumes is made again when somebody takes it away, that something is lost is told, and all that comes afterwards is handled.',
    async (trial) => {
      const { page, until, drained, figure } = trial
      const { serve, call, site } = cast(trial, kind, await open())
      const lines: Array<string> = []
      // n.b. they may be lost, so they are no part of the history
      const doomed = 1_000_000
      const survivors = new Set<number>()
      let go = (): void => undefined
      let gate = Promise.resolve()
      const running = await serve({
        concurrency: 2,
        log: (line) => lines.push(line),
        work: (id) => async () => {
          if (id >= doomed) await gate
          if (id >= doomed) survivors.add(id)
          else page.handled(id)
          return { _tag: 'Right', right: undefined }
        },
      })
      const client = call()
      let next = 0
      const works = async (): Promise<void> => {
        const from = next
        next += 100
        await load(client, page, { from, to: next, window: 10, requestEvery: 50 })
        expect(page.count('confirmed')).toBe(next)
        await drained()
      }
      await works()
      for (const { what, run, told, counted = false } of await thefts[kind](site)) {
        gate = new Promise((resolve) => (go = resolve))
        survivors.clear()
        const before = lines.length
        const accepted = await Promise.all(
          Array.from({ length: waiting[kind] }, (_, n) => client.emit(patterns.event, doomed + n)()),
        )
        expect(accepted.every(({ _tag }) => _tag === 'Right')).toBe(true)
        trial.fault(what)
        await run()
        go()
        const began = performance.now()
        const since = (): ReadonlyArray<string> => lines.slice(before)
        await until(
          () => `${what}: it is told; ${since().join('; ')}`,
          () => since().some((line) => told.test(line)),
        )
        figure(`${what}: toldAfterMs`, Math.round(performance.now() - began))
        // n.b. without its queue a service gets nothing, and nobody is wrong
        if (kind === 'amqp') await until('it is there again', () => running.health().ready)
        await ask(client, page, 1, 60_000, { idempotent: true })
        await works()
        const lost = waiting[kind] - survivors.size
        figure(`${what}: lostOfThoseThatWaited`, lost)
        if (counted)
          await until(
            () => `${lost} are said to be lost; ${since().join('; ')}`,
            () => since().reduce((sum, line) => sum + Number(told.exec(line)?.[1] ?? 0), 0) === lost,
          )
        await until('readiness is true', () => running.health().ready)
      }
    },
  )

// n.b. what is flushed is flushed for everybody
await withOwnBroker('redis', (start) => missing('redis', async () => (await start()).url))
for (const kind of kinds.filter((one) => one !== 'redis'))
  await withBroker(kind, (url) => missing(kind, async () => url))

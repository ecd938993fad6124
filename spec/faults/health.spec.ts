/** What a probe hears of a broker that is lost, and of a consumer that consumes nothing. */
import { once } from 'node:events'
import { connect } from 'amqplib'
import { Redis } from 'ioredis'
import { beforeAll, onTestFinished } from 'vitest'
import type { Broker } from '../brokers/broker.js'
import { kinds, type Kind } from '../brokers/software.js'
import { withBroker, withOwnBroker } from '../brokers/suite.js'
import { eventQueue } from '../../lib/transport/amqp/names.js'
import { namesOf } from '../../lib/transport/kafka/names.js'
import { eventKeys } from '../../lib/transport/redis/keys.js'
import { foreign } from '../transport/kafka/subject.js'
import { inFrontOf } from './behind.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask, emit, patterns } from './load.js'
import type { Site } from './transports.js'
import { group } from './worker.js'

/** Ten times what is promised: a busy machine may add that. */
const patienceMs = 50_000

const since = (from: number): number => Math.round(performance.now() - from)

for (const kind of kinds)
  await withOwnBroker(kind, (start) => {
    let broker: Broker
    beforeAll(async () => {
      broker = await start()
    }, 120_000)

    fault(
      'F25',
      kind,
      'Readiness is false within 5 s of a broker that is killed or whose connections are reset, and true again once it is back.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { proxy, via } = await inFrontOf(broker.url)
        const { serve, call } = cast(trial, kind, broker.url, { via })
        const lines: Array<string> = []
        const running = await serve({ log: (line) => lines.push(line) })
        const client = call()
        let next = 0
        const works = async (): Promise<void> => {
          await emit(client, page, next++)
          await ask(client, page, next++)
        }
        await works()
        for (const [name, break_, mend] of [
          ['reset', proxy.down, proxy.up],
          ['killed', broker.kill, broker.restart],
        ] as const) {
          // n.b. RabbitMQ takes a minute to find out that a queue is gone that was declared just before it was killed
          await broker.flush()
          trial.fault(name)
          const began = performance.now()
          await break_()
          await until('readiness is false', () => !running.health().ready, patienceMs)
          figure(`${name}NotReadyAfterMs`, since(began))
          await mend()
          const back = performance.now()
          await until(
            () => `readiness is true; ${lines.join('; ')}`,
            () => running.health().ready,
          )
          figure(`${name}ReadyAgainAfterMs`, since(back))
          await works()
        }
        await drained()
      },
    )
  })

/** Takes away what a service consumes, so that it cannot go on by itself where that is possible; the result gives it back. */
const takers: Readonly<Record<Kind, (site: Site) => Promise<() => Promise<unknown>>>> = {
  redis: async ({ url, prefix }) => {
    const client = new Redis(url)
    onTestFinished(async () => {
      const ended = once(client, 'end')
      client.disconnect()
      await ended
    })
    const { stream } = eventKeys(prefix, patterns.event)
    // n.b. a group that is only gone is made again at once
    await client.set(stream, 'something else')
    return () => client.del(stream)
  },
  amqp: async ({ url, prefix }) => {
    const model = await connect(url)
    onTestFinished(() => model.close())
    const channel = await model.createChannel()
    await channel.deleteQueue(eventQueue(prefix, group, patterns.event))
    return async () => undefined
  },
  kafka: async ({ url, prefix }) => {
    const { admin, close } = await foreign([url])
    onTestFinished(close)
    await admin.deleteTopics({ topics: [namesOf(prefix).events(patterns.event)] })
    return async () => undefined
  },
}

for (const kind of kinds)
  await withBroker(kind, (url) => {
    fault(
      'F25',
      kind,
      'Readiness is false within 5 s of a consumer that consumes nothing, and true again once it does.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { serve, call, site } = cast(trial, kind, url)
        const running = await serve()
        const client = call()
        await emit(client, page, 0)
        await drained()
        let lostAt = 0
        running.status$.subscribe(({ status }) => {
          if (status === 'lost') lostAt ||= performance.now()
        })
        trial.fault('what it consumes is taken away')
        const began = performance.now()
        const giveBack = await takers[kind](site)
        await until('readiness is false', () => lostAt > 0, patienceMs)
        figure('notReadyAfterMs', Math.round(lostAt - began))
        await giveBack()
        const back = performance.now()
        await until('readiness is true', () => running.health().ready)
        figure('readyAgainAfterMs', since(back))
        await until('an event is accepted', async () => (await emit(client, page, 1))._tag === 'Right')
        await drained()
        await ask(client, page, 1)
      },
      { variant: 'consumer' },
    )
  })

/** Brokers that refuse: RabbitMQ while it is short of memory, and each of them where something else has the name. */
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { connect } from 'amqplib'
import { Redis } from 'ioredis'
import kafkajs from 'kafkajs'
import { deadLetters } from 'taskwire'
import { beforeAll, expect, onTestFinished } from 'vitest'
import { eventQueue } from '../../lib/transport/amqp/names.js'
import { namesOf } from '../../lib/transport/kafka/names.js'
import { streamOf } from '../../lib/transport/redis/keys.js'
import { gate } from '../../lib/testing/conformance/expect.js'
import type { Broker } from '../brokers/broker.js'
import { withBroker, withOwnBroker } from '../brokers/suite.js'
import { begunIn, inFrontOf, type Front } from './behind.js'
import { cast } from './cast.js'
import { fault, type Trial } from './fault.js'
import { ask, emit, load, patterns } from './load.js'
import { transport } from './transports.js'
import { group, worker } from './worker.js'
import { pause } from './waiting.js'

const other =
  'Where something else has the name, a service does not start, says so typed and at once, and tries no more; one that runs tries seldom, and goes on once it is mended.'

/** Nobody tries to come in any more. */
const expectPeace = async (front: Front): Promise<void> => {
  await pause(500)
  const tried = await begunIn(front, 2_500)
  expect({ tried, open: front.proxy.stats().open }).toEqual({ tried: 0, open: 0 })
}

/** A service does not start, and says why at once. */
const expectRefused = async ({ figure }: Trial, { attempt }: ReturnType<typeof cast>, front: Front, named: string) => {
  const began = performance.now()
  const started = await attempt()
  figure('refusedAfterMs', Math.round(performance.now() - began))
  expect(started).toMatchObject({ _tag: 'Left', left: { _tag: 'TopologyMismatch' } })
  expect(JSON.stringify(started)).toContain(named)
  await expectPeace(front)
}

/** A service that runs, and cannot do its work, does not hammer at the broker. */
const expectQuiet = async ({ figure }: Trial, { proxy }: Front): Promise<void> => {
  const before = proxy.stats()
  await pause(5_000)
  const after = proxy.stats()
  figure('bytesSentIn5s', after.up - before.up)
  expect(after.accepted).toBe(before.accepted)
  expect(after.up - before.up).toBeLessThan(50_000)
}

await withOwnBroker('amqp', (start) => {
  let broker: Broker
  beforeAll(async () => {
    broker = await start()
  }, 120_000)

  fault(
    'F13',
    'amqp',
    'While RabbitMQ is short of memory, calls end typed by their deadlines, handlers go on with what is there, and nothing is lost of what they leave; then everything flows again.',
    async (trial) => {
      const { page, until, drained, figure } = trial
      const { site, serve, call } = cast(trial, 'amqp', broker.url)
      const door = gate()
      const doomed = 7
      const running = await serve({
        work: (id) => async () => {
          await door.passed
          if (id === doomed) return E.left('no')
          page.handled(id)
          return E.right(undefined)
        },
      })
      const client = call()
      await load(client, page, { to: 200 })
      await ask(client, page, 1)
      trial.fault('memory alarm')
      await broker.command('set_vm_memory_high_watermark', 'absolute', '1MB')
      const lift = (): Promise<string> => broker.command('set_vm_memory_high_watermark', 'absolute', '512MB')
      onTestFinished(async () => {
        await lift()
      })
      const began = performance.now()
      await load(client, page, { from: 200, to: 260, timeout: 2_000, requestEvery: 10 })
      figure('sixtyCallsOfTwoSecondsEndedAfterMs', Math.round(performance.now() - began))
      expect(page.count('confirmed')).toBe(200)
      expect([...page.errors.keys()].sort()).toEqual(['OutcomeUnknown', 'TimeoutError'])
      door.open()
      await until('what is there is handled', () => page.count('handled') >= 199)
      await until(
        'the service tells of the dead letter that is not taken',
        () => running.health().transports['amqp'] === 'stalled',
      )
      const letters = deadLetters(worker(() => TE.right(undefined)).transport(transport(site)), { log: false })
      expect(await letters.list()()).toEqual(E.right([]))
      const patient = load(client, page, { from: 260, to: 300, requestEvery: 10, timeout: 90_000 })
      await lift()
      await patient
      expect(page.count('confirmed')).toBe(240)
      await until('the dead letter is there', async () => {
        const found = await letters.list()()
        return E.isRight(found) && found.right.some(({ messageId }) => messageId === `event-${doomed}`)
      })
      page.buried(doomed)
      await drained()
      await until('readiness is true', () => running.health().ready)
      expect(await ask(client, page, 2)).toEqual(E.right(2))
    },
  )

  fault('F14', 'amqp', other, async (trial) => {
    const { page, until, drained } = trial
    const front = await inFrontOf(broker.url)
    const parts = cast(trial, 'amqp', broker.url, { via: front.via })
    const queue = eventQueue(parts.site.prefix, group, patterns.event)
    const plain = await connect(broker.url)
    const channel = await plain.createChannel()
    const usurp = (): Promise<unknown> =>
      channel.assertQueue(queue, { arguments: { 'x-queue-type': 'classic', 'x-max-length': 7 } })
    await usurp()
    trial.fault('a queue with other arguments is there at the start')
    await expectRefused(trial, parts, front, queue)
    await channel.deleteQueue(queue)
    const running = await parts.serve()
    const client = parts.call()
    await load(client, page, { to: 50 })
    await drained()
    trial.fault('the queue is deleted, and declared with other arguments, while the service runs')
    await channel.deleteQueue(queue)
    await usurp()
    await until('readiness is false', () => !running.health().ready)
    await expectQuiet(trial, front)
    await channel.deleteQueue(queue)
    await until('readiness is true', () => running.health().ready)
    await emit(client, page, 50)
    await drained()
    await plain.close()
  })
})

await withBroker('redis', (url) =>
  fault('F14', 'redis', other, async (trial) => {
    const { page, until, drained } = trial
    const front = await inFrontOf(url)
    const parts = cast(trial, 'redis', url, { via: front.via })
    const stream = streamOf(parts.site.prefix, patterns.event)
    const plain = new Redis(url)
    onTestFinished(() => plain.disconnect())
    await plain.set(stream, 'text')
    trial.fault('a key of another type is there at the start')
    await expectRefused(trial, parts, front, stream)
    await plain.del(stream)
    const running = await parts.serve()
    const client = parts.call()
    await load(client, page, { to: 50 })
    await drained()
    trial.fault('the key is of another type while the service runs')
    await plain.multi().del(stream).set(stream, 'text').exec()
    await until('readiness is false', () => !running.health().ready)
    expect(await emit(client, page, 50)).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
    await expectQuiet(trial, front)
    await plain.del(stream)
    await until('readiness is true', () => running.health().ready)
    await emit(client, page, 51)
    await drained()
  }),
)

await withBroker('kafka', (url) =>
  fault('F14', 'kafka', other, async (trial) => {
    const { page, drained } = trial
    const front = await inFrontOf(url)
    const parts = cast(trial, 'kafka', url, { via: front.via })
    const names = namesOf(parts.site.prefix)
    const program = new kafkajs.Kafka({ brokers: [url], logLevel: kafkajs.logLevel.NOTHING })
    const admin = program.admin()
    const consumer = program.consumer({ groupId: names.group(group) })
    onTestFinished(async () => {
      await Promise.all([consumer.disconnect(), admin.disconnect()])
    })
    await admin.connect()
    const topic = names.events(patterns.event)
    await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true })
    await consumer.connect()
    await consumer.subscribe({ topic })
    // n.b. kafkajs may have run before it has joined
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
    await consumer.run({ eachMessage: async () => undefined })
    await joined
    trial.fault('a consumer with another protocol is in the group')
    await expectRefused(trial, parts, front, names.group(group))
    await consumer.disconnect()
    await parts.serve()
    await load(parts.call(), page, { to: 50 })
    await drained()
  }),
)

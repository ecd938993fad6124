/** Kafka as a process of its own. */
import { randomUUID } from 'node:crypto'
import kafkajs, { type Kafka } from 'kafkajs'
import { expect, test } from 'vitest'
import { gone } from '../examples/processes.js'
import { pause } from './echo.js'
import { faultProxy } from './proxy.js'
import { withOwnBroker } from './suite.js'

const kafkaAt = (url: string): Kafka =>
  new kafkajs.Kafka({ brokers: [url], logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 20 } })

const create = async (kafka: Kafka, topic: string): Promise<void> => {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
  await admin.disconnect()
}

const send = async (kafka: Kafka, topic: string, value: string): Promise<void> => {
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  await producer.send({ topic, acks: -1, messages: [{ value }] })
  await producer.disconnect()
}

/** The first record of a topic. */
const first = async (kafka: Kafka, topic: string): Promise<string> => {
  const consumer = kafka.consumer({ groupId: randomUUID() })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const value = await new Promise<string>((resolve, reject) => {
    const eachMessage = async ({ message }: { message: { value: Buffer | null } }) => resolve(String(message.value))
    consumer.run({ eachMessage }).catch(reject)
  })
  await consumer.disconnect()
  return value
}

await withOwnBroker('kafka', (start) => {
  test('keeps a topic over kill, restart and SIGTERM, on the same port', async () => {
    const broker = await start()
    const topic = randomUUID()
    await create(kafkaAt(broker.url), topic)
    await send(kafkaAt(broker.url), topic, 'kept')
    const pid = broker.pid()
    await broker.kill()
    expect(await gone(pid)).toBe(true)
    await broker.restart()
    expect(await first(kafkaAt(broker.url), topic)).toBe('kept')
    await broker.terminate()
    expect(broker.pid()).toBe(0)
    await broker.restart()
    expect(await first(kafkaAt(broker.url), topic)).toBe('kept')
    const last = broker.pid()
    await broker.stop()
    expect(await gone(last)).toBe(true)
  }, 120_000)

  test('is reached through a proxy alone, and answers nothing while frozen', async () => {
    const proxy = await faultProxy()
    const broker = await start({ advertised: proxy.port })
    proxy.upstream(broker)
    const topic = randomUUID()
    const kafka = kafkaAt(`${proxy.host}:${proxy.port}`)
    await create(kafka, topic)
    await send(kafka, topic, 'kept')
    expect(proxy.stats().accepted).toBeGreaterThan(0)
    broker.freeze()
    const read = first(kafka, topic)
    expect(await Promise.race([read, pause(500)])).toBe(undefined)
    broker.thaw()
    expect(await read).toBe('kept')
    await proxy.close()
  }, 120_000)
})

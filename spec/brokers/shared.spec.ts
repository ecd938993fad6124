/** The brokers that all specs share: each answers on its protocol. */
import { randomUUID } from 'node:crypto'
import amqp from 'amqplib'
import { Redis } from 'ioredis'
import kafkajs from 'kafkajs'
import { expect, test } from 'vitest'
import { sharedBroker } from './shared.js'
import { withBroker } from './suite.js'

await withBroker('redis', (url) => {
  test('stores and gives', async () => {
    const redis = new Redis(url)
    const key = randomUUID()
    await redis.set(key, 'here', 'EX', 60)
    expect(await redis.get(key)).toBe('here')
    expect(await sharedBroker('redis')).toBe(url)
    await redis.quit()
  })
})

await withBroker('amqp', (url) => {
  test('queues', async () => {
    const connection = await amqp.connect(url)
    const channel = await connection.createConfirmChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    channel.sendToQueue(queue, Buffer.from('here'))
    await channel.waitForConfirms()
    const got = await channel.get(queue, { noAck: true })
    expect(got === false ? undefined : got.content.toString()).toBe('here')
    expect(await sharedBroker('amqp')).toBe(url)
    await connection.close()
  })
})

await withBroker('kafka', (url) => {
  test('keeps topics', async () => {
    const admin = new kafkajs.Kafka({ brokers: url.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin()
    const topic = randomUUID()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true })
    expect(await admin.listTopics()).toContain(topic)
    expect(await sharedBroker('kafka')).toBe(url)
    await admin.disconnect()
  }, 60_000)
})

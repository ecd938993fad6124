/** Options, names, and what is handed on to the driver. */
import * as E from 'fp-ts/lib/Either.js'
import { createClient } from 'taskwire'
import { kafka } from 'taskwire/kafka'
import { expect, test } from 'vitest'
import { namesOf } from '../../../lib/transport/kafka/names.js'
import { settingsOf } from '../../../lib/transport/kafka/options.js'

const brokers = ['127.0.0.1:9092']

test('the defaults have no problems', () => {
  expect(kafka({ brokers }).problems).toEqual([])
  expect(settingsOf({ brokers }).settings).toMatchObject({
    name: 'kafka',
    prefix: '',
    createTopics: undefined,
    retryTopics: false,
    startAt: 'end',
    consumer: { sessionTimeout: 30_000, heartbeatInterval: 1_000, rebalanceTimeout: 60_000, maxWaitTimeInMs: 500 },
  })
  expect(settingsOf({ brokers, createTopics: true }).settings.createTopics).toEqual({
    partitions: 6,
    replicationFactor: -1,
  })
})

test('what is out of its range is named', () => {
  const wrong: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>]> = [
    ['brokers', { brokers: [] }],
    ['brokers', { brokers: ['no port'] }],
    ['brokers', { brokers: '127.0.0.1:9092' }],
    ['brokers', { brokers: undefined }],
    ['name', { name: '' }],
    ['prefix', { prefix: 'a_b' }],
    ['kafkajs', { kafkajs: 'ssl' }],
    ['createTopics', { createTopics: { partitions: 0 } }],
    ['createTopics', { createTopics: { replicationFactor: 0 } }],
    ['createTopics', { createTopics: 'yes' }],
    ['retryTopics', { retryTopics: 1 }],
    ['startAt', { startAt: 'now' }],
    ['kafkajs.consumer.heartbeatInterval', { kafkajs: { consumer: { heartbeatInterval: 30_000 } } }],
  ]
  for (const [option, given] of wrong)
    expect(kafka({ brokers, ...given }).problems.map((one) => one.option)).toEqual([option])
})

test('a client says what is wrong', async () => {
  const result = await createClient(kafka({ brokers: [] })).connect()
  expect(E.isLeft(result) ? result.left._tag : undefined).toBe('TransportFailed')
})

test('options of the driver are handed on, and its consumer options apart', () => {
  const ssl = { ca: 'ca' }
  const sasl = { mechanism: 'plain', username: 'u', password: 'p' } as const
  const { settings } = settingsOf({ brokers, kafkajs: { ssl, sasl, clientId: 'me', consumer: { rackId: 'r' } } })
  expect(settings.kafkajs).toEqual({ ssl, sasl, clientId: 'me' })
  expect(settings.consumer).toMatchObject({ rackId: 'r', sessionTimeout: 30_000 })
})

test('retry topics change what is promised', () => {
  expect(kafka({ brokers }).capabilities).toMatchObject({ keyedRetry: true, isolatedRetry: false })
  expect(kafka({ brokers, retryTopics: true }).capabilities).toMatchObject({ keyedRetry: false, isolatedRetry: true })
})

test('names of topics and groups are legal, within bounds and told apart', () => {
  const names = namesOf('p.')
  const texts = ['a', 'a.b', 'a_b', 'a--b', 'a--b--retry', 'requests', '-', '.', 'ü', 'x'.repeat(300), 'x'.repeat(301)]
  const topics = texts.flatMap((text) => [
    names.events(text),
    names.requests(text),
    ...texts.flatMap((group) => [names.retry(text, group), names.letters(text, group)]),
  ])
  for (const topic of [...topics, names.replies]) {
    expect(topic).toMatch(/^[A-Za-z0-9._-]{1,249}$/)
    expect(topic === '.' || topic === '..').toBe(false)
  }
  // n.b. brokers take `.` and `_` for the same in names of metrics, and refuse a topic that differs in these alone
  expect(new Set([...topics, names.replies].map((topic) => topic.replaceAll('_', '.'))).size).toBe(topics.length + 1)
  const groups = texts.flatMap((text) => [names.group(text), names.requestGroup(text), names.replyGroup(text)])
  expect(new Set(groups).size).toBe(groups.length)
  expect(names.retry('order.paid', 'users')).toBe('p.order.paid--users--retry')
})

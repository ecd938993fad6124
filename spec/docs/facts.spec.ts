/** What the pages list is what the library has: a tag, an option or a default that is added has to be written down. */
import { readFileSync } from 'node:fs'
import type {
  Capabilities,
  ClientError,
  Context,
  Health,
  ListenOptions,
  MainOptions,
  OutcomeReport,
  SendOptions,
  ServiceStatus,
  StartError,
  StopReport,
} from 'taskwire'
import type { EventOptions, MessageOptions, ServiceOptions } from 'taskwire'
import { amqp, type AmqpOptions } from 'taskwire/amqp'
import { kafka, type KafkaOptions } from 'taskwire/kafka'
import { memory } from 'taskwire/memory'
import { redis, type RedisOptions } from 'taskwire/redis'
import { tcp } from 'taskwire/tcp'
import { describe, expect, test } from 'vitest'
import { defaultLimits as redisLimits } from '../../lib/transport/redis/limits.js'
import { defaultLimits } from '../../lib/transport/tcp/limits.js'
import { root } from './pages.js'

const page = (name: string): string => readFileSync(`${root}docs/${name}`, 'utf8')

/** The names that stand in backticks, alone or with what they hold. */
const named = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/`[^`\n]*`/g)].flatMap(([code]) => code.match(/[\w$]+/g) ?? []))

const missing = (text: string, names: Readonly<Record<string, true>>): ReadonlyArray<string> => {
  const found = named(text)
  return Object.keys(names).filter((name) => !found.has(name))
}

// n.b. records, so that the compiler misses what is not listed here
const clientErrors: Readonly<Record<ClientError<unknown>['_tag'], true>> = {
  TimeoutError: true,
  NoHandler: true,
  InvalidPayload: true,
  InvalidReply: true,
  HandlerFailed: true,
  Internal: true,
  Unauthorized: true,
  MessageTooLarge: true,
  Disconnected: true,
  Overloaded: true,
  Cancelled: true,
  Closed: true,
  OutcomeUnknown: true,
  TransportFailed: true,
  DriverMissing: true,
}
const startErrors: Readonly<Record<StartError['_tag'], true>> = {
  InvalidDefinition: true,
  Unsupported: true,
  DriverMissing: true,
  TopicMissing: true,
  TopologyMismatch: true,
  Unauthorized: true,
  TransportFailed: true,
}
const context: Readonly<Record<keyof Context, true>> = {
  transport: true,
  name: true,
  pattern: true,
  messageId: true,
  correlationId: true,
  causationId: true,
  headers: true,
  attempt: true,
  deadline: true,
  signal: true,
}
const callOptions: Readonly<Record<keyof SendOptions, true>> = {
  timeout: true,
  signal: true,
  headers: true,
  key: true,
  messageId: true,
  mandatory: true,
  from: true,
  idempotent: true,
}
type HandlerOption =
  keyof EventOptions<never, never, never> | keyof MessageOptions<never, never, never, never> | keyof ServiceOptions
const handlerOptions: Readonly<Record<HandlerOption, true>> = {
  id: true,
  on: true,
  reply: true,
  failure: true,
  concurrency: true,
  timeout: true,
  retry: true,
  classify: true,
  orderingKey: true,
  deadLetter: true,
  dedupe: true,
  serde: true,
  require: true,
}
const runOptions: Readonly<Record<keyof ListenOptions | keyof MainOptions, true>> = {
  clock: true,
  random: true,
  log: true,
  startTimeout: true,
  drainTimeout: true,
  abortGrace: true,
  started: true,
  close: true,
}
const outcomes: Readonly<Record<OutcomeReport['_tag'] | OutcomeReport['settlement'], true>> = {
  Done: true,
  Failed: true,
  Invalid: true,
  Defect: true,
  TimedOut: true,
  Ack: true,
  Reply: true,
  Fail: true,
  Refuse: true,
  Retry: true,
  InPlace: true,
  DeadLetter: true,
  Dropped: true,
  Late: true,
  Duplicate: true,
}
const stopReport: Readonly<Record<keyof StopReport, true>> = {
  drained: true,
  aborted: true,
  unsettled: true,
  lost: true,
}
const redisOptions: Readonly<Record<keyof RedisOptions | keyof typeof redisLimits, true>> = {
  name: true,
  url: true,
  ioredis: true,
  cluster: true,
  prefix: true,
  startAt: true,
  maxLength: true,
  limits: true,
  leaseMs: true,
  reclaimMs: true,
  presenceMs: true,
  heartbeatMs: true,
  maxDeliveries: true,
  maxRequests: true,
  absentGroupMs: true,
}
const amqpOptions: Readonly<Record<keyof AmqpOptions, true>> = {
  name: true,
  url: true,
  prefix: true,
  queueType: true,
  amqplib: true,
}
const kafkaOptions: Readonly<Record<keyof KafkaOptions, true>> = {
  name: true,
  brokers: true,
  kafkajs: true,
  prefix: true,
  createTopics: true,
  retryTopics: true,
  startAt: true,
}
const health: Readonly<Record<keyof Health, true>> = { ready: true, transports: true }
const statuses: Readonly<Record<ServiceStatus, true>> = {
  connecting: true,
  ready: true,
  lost: true,
  closed: true,
  stuck: true,
  stalled: true,
  paused: true,
}

describe('the pages list', () => {
  test.each([
    ['clients.md', 'errors of a call', clientErrors],
    ['clients.md', 'options of a call', callOptions],
    ['handlers-and-errors.md', 'errors of a start', startErrors],
    ['options.md', 'options of handlers and services', handlerOptions],
    ['options.md', 'options of running', runOptions],
    ['context.md', 'fields of the context', context],
    ['operations.md', 'outcomes and settlements', outcomes],
    ['operations.md', 'counts of the stop report', stopReport],
    ['embedding.md', 'parts of the health', health],
    ['operations.md', 'statuses of the health', statuses],
    ['redis.md', 'options and limits of Redis', redisOptions],
    ['rabbitmq.md', 'options of RabbitMQ', amqpOptions],
    ['kafka.md', 'options of Kafka', kafkaOptions],
  ])('%s: all %s', (name, _, names) => {
    expect(missing(page(name), names)).toEqual([])
  })

  test('options.md: what each transport says of itself', () => {
    const transports = [memory(), tcp(), redis(), amqp({ url: 'amqp://rabbit' }), kafka({ brokers: ['kafka:9092'] })]
    const table = page('options.md').slice(page('options.md').indexOf('## Capabilities'))
    const listed = [...table.matchAll(/^\| `(\w+)`.*/gm)].map(([row, flag]) => [
      flag,
      row
        .split('|')
        .slice(3, -1)
        .map((cell) => cell.trim() === 'yes'),
    ])
    const flags = Object.keys(memory().capabilities) as ReadonlyArray<keyof Capabilities>
    const said = flags.map((flag) => [flag, transports.map(({ capabilities }) => capabilities[flag])])
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(said))
  })

  test('redis.md: all limits with their defaults', () => {
    const rows = [...page('redis.md').matchAll(/^\| `(\w+)` .*\| ([\d,]+) *\|$/gm)]
    const listed = rows.flatMap(([, name = '', value = '']) =>
      Object.hasOwn(redisLimits, name) ? [[name, Number(value.replaceAll(',', ''))]] : [],
    )
    expect(Object.fromEntries(listed)).toEqual(redisLimits)
  })

  test('operations.md: all limits of TCP with their defaults', () => {
    const units: Readonly<Record<string, number>> = { s: 1_000, MiB: 1_048_576 }
    const valueOf = (text: string): number => {
      const [number = '', unit = ''] = text.replaceAll(',', '').split(/[ :]+/)
      return Number(number) * (units[unit] ?? 1)
    }
    const rows = page('operations.md')
      .split('\n')
      .map((row) => row.split('|').map((cell) => cell.trim()))
      .filter(([, names = '']) => Object.hasOwn(defaultLimits, names.split('`')[1] ?? ''))
    const listed = rows.flatMap(([, names = '', defaults = '']) => {
      const values = defaults.split(', ')
      return names.split(', ').map((name, i) => [name.replaceAll('`', ''), valueOf(values[i] ?? '')])
    })
    expect(Object.fromEntries(listed)).toEqual(defaultLimits)
  })
})

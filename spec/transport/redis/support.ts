/** What the specs of Redis share: keys that nobody else has, a client of the driver beside ours, services and callers. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { Redis } from 'ioredis'
import { createClient, listen, type AnyEndpoint, type Client, type ClientOptions, type ListenOptions } from 'taskwire'
import type { Running, Service } from 'taskwire'
import { redis, type RedisContext, type RedisOptions } from 'taskwire/redis'
import { onTestFinished } from 'vitest'
import { freshId, realClock, secureRandom } from '../../../lib/core/clock.js'
import type { Delivery } from '../../../lib/core/delivery.js'
import { noHeaders } from '../../../lib/core/envelope.js'
import type { Settlement } from '../../../lib/core/settlement.js'
import type { Answer, Connection, Environment, Outgoing, Subscription } from '../../../lib/transport/transport.js'

export const right = <A>(either: Either<unknown, A>): A => {
  if (E.isLeft(either)) throw new Error(`a Left: ${JSON.stringify(either.left)}`)
  return either.right
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until it is so; brokers get ten times the time that things take. */
export const until = async (what: string, test: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> => {
  for (const end = Date.now() + ms; !(await test()); await pause(5))
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
}

export interface Place {
  readonly url: string
  readonly prefix: string
  /** A connection of the driver, as any other program has one. */
  readonly plain: Redis
  readonly options: RedisOptions<'redis'>
}

/** A prefix of its own on a broker. */
export const place = (url: string, options: RedisOptions<'redis'> = {}): Place => {
  const prefix = `spec-${randomUUID().slice(0, 8)}.`
  const plain = new Redis(url, { retryStrategy: () => 50 })
  plain.on('error', () => undefined)
  onTestFinished(async () => {
    if (plain.status === 'ready') {
      const keys = [...(await plain.keys(`${prefix}*`)), ...(await plain.keys(`{${prefix}*`))]
      if (keys.length > 0) await plain.unlink(...keys)
    }
    const ended = once(plain, 'end')
    plain.disconnect()
    await ended
  })
  return { url, prefix, plain, options: { url, prefix, ...options } }
}

export const environment = (given: Partial<Environment> = {}): Environment => {
  const random = secureRandom()
  return { clock: realClock, random, group: 'spec', instance: freshId(random), log: () => undefined, ...given }
}

export type RedisConnection = Connection<RedisContext<string>>

/** A connection as the runtime has one; closed after the test. */
export const connected = async (
  options: RedisOptions<string>,
  given: Partial<Environment> = {},
): Promise<RedisConnection> => {
  const connection = right(await redis(options).connect(environment(given))())
  onTestFinished(() => connection.close())
  return connection
}

export const on = (kind: 'event' | 'message', pattern: string, more: Partial<Subscription> = {}): Subscription => ({
  endpoint: pattern,
  kind,
  pattern,
  concurrency: 32,
  window: 32,
  ...more,
})

/** A delivery, and the way to settle it. */
export interface Given extends Delivery<RedisContext<string>> {
  readonly settle: (settlement: Settlement) => void
}

/** A replica without a runtime: what it is given waits for the spec to settle it. */
export const replica = async (
  options: RedisOptions<string>,
  subscriptions: ReadonlyArray<Subscription>,
  given: Partial<Environment> = {},
): Promise<{
  readonly connection: RedisConnection
  readonly got: ReadonlyArray<Given>
  readonly stop: () => Promise<void>
}> => {
  const connection = await connected(options, given)
  const got: Array<Given> = []
  const stop = right(
    await connection.subscribe(subscriptions, (delivery, settle) => {
      got.push({ ...delivery, settle })
      return undefined
    })(),
  )
  return { connection, got, stop }
}

export const outgoing = (pattern: string, body: string, more: Partial<Outgoing> = {}): Outgoing => ({
  pattern,
  body,
  contentType: 'application/json',
  headers: noHeaders,
  messageId: freshId(secureRandom()),
  correlationId: undefined,
  causationId: undefined,
  key: undefined,
  timeoutMs: 10_000,
  idempotent: false,
  mandatory: false,
  ...more,
})

export const published = (connection: RedisConnection, message: Outgoing): Promise<Answer> =>
  new Promise((resolve) => {
    connection.publish(message, resolve)
  })

export const asked = (connection: RedisConnection, message: Outgoing): Promise<Answer> =>
  new Promise((resolve) => {
    connection.request(message, resolve)
  })

/** Runs a service; stopped after the test. */
export const serve = async (
  service: Service<never, AnyEndpoint>,
  options: RedisOptions<'redis'>,
  given: ListenOptions = {},
): Promise<Running<'redis'>> => {
  const started = right(await listen({ ...service, transports: [redis(options)] }, { log: false, ...given })())
  onTestFinished(async () => {
    await started.stop()
  })
  return started
}

export const caller = (options: RedisOptions<'redis'>, given: ClientOptions = {}): Client => {
  const client = createClient(redis(options), { name: 'caller', ...given })
  onTestFinished(() => client.close())
  return client
}

/** Names and texts of an entry. */
export const fieldsOf = (flat: ReadonlyArray<string>): Readonly<Record<string, string>> =>
  Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]))

export const reason = (tag: 'HandlerFailed' | 'AttemptsExhausted' = 'HandlerFailed', attempts = 1) => ({
  _tag: tag,
  message: 'failed',
  errorId: undefined,
  attempts,
  firstFailedAt: 1_700_000_000_000,
  lastFailedAt: 1_700_000_000_001,
})

/** Pending entries of a group: id, consumer, deliveries. */
export const pendingOf = async (
  plain: Redis,
  stream: string,
  group: string,
): Promise<ReadonlyArray<readonly [string, string, number]>> =>
  ((await plain.xpending(stream, group, '-', '+', 1_000)) as Array<[string, string, number, number]>).map(
    ([id, consumer, , deliveries]) => [id, consumer, deliveries],
  )

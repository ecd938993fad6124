/** What specs of the Kafka transport share. */
import { randomBytes } from 'node:crypto'
import * as E from 'fp-ts/lib/Either.js'
import {
  createClient,
  listen,
  type AnyEndpoint,
  type Client,
  type ListenOptions,
  type Running,
  type Service,
} from 'taskwire'
import { kafka, type Kafka, type KafkaOptions } from 'taskwire/kafka'
import { afterEach } from 'vitest'
import { foreign, type Foreign } from './subject.js'

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Looks again until it is so. */
export const until = async (what: () => string, test: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> => {
  for (const end = performance.now() + ms; !(await test()); await pause(10))
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what()}`)
}

/** A prefix that nobody else has. */
export const freshPrefix = (): string => `s${randomBytes(6).toString('hex')}.`

/** What a test has opened; all of it is closed afterwards. */
export interface Bench {
  readonly prefix: string
  readonly transport: (options?: Partial<KafkaOptions<'kafka'>>) => Kafka
  readonly serve: (service: Service<Kafka, AnyEndpoint>, options?: ListenOptions) => Promise<Running>
  readonly call: (options?: Partial<KafkaOptions<'kafka'>>) => Client
  readonly outside: () => Promise<Foreign>
}

/** Things to work with on brokers at these addresses, and an end to them after each test. */
export const benches = (): ((brokers: ReadonlyArray<string>) => Bench) => {
  const ends: Array<() => Promise<unknown>> = []
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()))
  })
  return (brokers) => {
    const prefix = freshPrefix()
    const transport = (options: Partial<KafkaOptions<'kafka'>> = {}): Kafka =>
      kafka({
        brokers,
        prefix,
        createTopics: { partitions: 3, replicationFactor: 1 },
        kafkajs: { consumer: { maxWaitTimeInMs: 50 } },
        ...options,
      })
    return {
      prefix,
      transport,
      serve: async (service, options) => {
        const started = await listen(service, { log: false, drainTimeout: 2_000, abortGrace: 200, ...options })()
        if (E.isLeft(started)) throw new Error(JSON.stringify(started.left))
        ends.push(started.right.stop)
        return started.right
      },
      call: (options) => {
        const client = createClient(transport(options), { name: 'caller' })
        ends.push(client.close)
        return client
      },
      outside: async () => {
        const one = await foreign(brokers)
        ends.push(one.close)
        return one
      },
    }
  }
}

/** What a run has of a broker, as another program sees it there: dead letters, and what is still to be done. */
import { connect, type Channel, type ChannelModel, type GetMessage } from 'amqplib'
import { Redis } from 'ioredis'
import { headersOf } from '../../../lib/transport/broker/attributes.js'
import { letterField } from '../../../lib/transport/broker/letter.js'
import {
  deadQueue,
  eventExchange,
  eventQueue,
  requestExchange,
  retryQueue,
  tiers,
} from '../../../lib/transport/amqp/names.js'
import { namesOf } from '../../../lib/transport/kafka/names.js'
import { eventKeys, groupKeys } from '../../../lib/transport/redis/keys.js'
import { foreign, persistently } from '../../transport/kafka/subject.js'
import { patternOf } from './scenario.js'
import type { Place } from './transports.js'

/** A dead letter, as its bytes lie at the broker. */
export interface Lying {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  readonly messageId: string
  readonly attempts: number
}

export interface Ground {
  /** Makes what the services with these names need beforehand. */
  readonly prepare: (names: ReadonlyArray<string>) => Promise<void>
  readonly letters: (name: string) => Promise<ReadonlyArray<Lying>>
  /** Events that are not handled yet, as far as the broker shows them; all of them once nobody listens. */
  readonly left: (name: string) => Promise<number>
  readonly clear: (name: string) => Promise<void>
  readonly close: () => Promise<void>
}

const lying = (body: Buffer, fields: Readonly<Record<string, string>>, messageId?: string): Lying => ({
  body: String(body),
  headers: headersOf(fields),
  messageId: messageId ?? fields[letterField.messageId] ?? '',
  attempts: Number(fields[letterField.attempts]),
})

const texts = (fields: object): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]))

const redis = async ({ url, prefix }: Place): Promise<Ground> => {
  const client = new Redis(url)
  const keysOf = (name: string) => {
    const keys = eventKeys(prefix, patternOf(name))
    return { ...keys, ...groupKeys(keys.stream, name) }
  }
  return {
    prepare: async () => {},
    letters: async (name) => {
      const entries = await client.xrangeBuffer(keysOf(name).dead, '-', '+')
      return entries.map(([, flat]) => {
        const [, body = Buffer.alloc(0), ...rest] = flat
        const pairs = rest.flatMap((one, i) => (i % 2 === 0 ? [[String(one), String(rest[i + 1])] as const] : []))
        return lying(body, Object.fromEntries(pairs))
      })
    },
    left: async (name) => {
      const { stream, retry, delayed, group } = keysOf(name)
      const groups = (await client.xinfo('GROUPS', stream)) as ReadonlyArray<ReadonlyArray<unknown>>
      const own = groups.find((one) => one.includes(group)) ?? []
      const count = (field: string): number => Number(own[own.indexOf(field) + 1])
      return count('pending') + count('lag') + (await client.zcard(delayed)) + (await client.xlen(retry))
    },
    clear: async (name) => {
      const { stream, seen, retry, delayed, dead } = keysOf(name)
      await client.unlink(stream, seen, retry, delayed, dead)
    },
    close: async () => {
      await client.quit()
    },
  }
}

const amqp = async ({ url, prefix }: Place): Promise<Ground> => {
  const model: ChannelModel = await connect(url)
  const aside = async <A>(work: (channel: Channel) => Promise<A>, otherwise: A): Promise<A> => {
    const channel = await model.createChannel()
    channel.on('error', () => undefined)
    try {
      const done = await work(channel)
      await channel.close()
      return done
    } catch (error) {
      // n.b. a queue that is not there costs the channel
      if ((error as { readonly code?: unknown }).code === 404) return otherwise
      throw error
    }
  }
  const queueOf = (name: string): string => eventQueue(prefix, name, patternOf(name))
  const waiting = (queue: string): Promise<number> =>
    aside(async (channel) => (await channel.checkQueue(queue)).messageCount, 0)
  return {
    prepare: async () => {},
    letters: (name) =>
      aside(async (channel) => {
        const found: Array<GetMessage> = []
        for (;;) {
          const one = await channel.get(deadQueue(queueOf(name)))
          if (one === false) break
          found.push(one)
        }
        return found.map(({ content, properties }) =>
          lying(content, texts(properties.headers ?? {}), String(properties.messageId)),
        )
      }, []),
    left: async (name) => {
      const queue = queueOf(name)
      return (await waiting(queue)) + (await waiting(retryQueue(queue, tiers[0])))
    },
    clear: (name) =>
      aside(async (channel) => {
        const queue = queueOf(name)
        for (const one of [queue, deadQueue(queue), retryQueue(queue, tiers[0])]) await channel.deleteQueue(one)
      }, undefined),
    close: async () => {
      await aside(async (channel) => {
        for (const exchange of [eventExchange(prefix), requestExchange(prefix)]) await channel.deleteExchange(exchange)
      }, undefined)
      await model.close()
    },
  }
}

const kafka = async ({ url, prefix }: Place): Promise<Ground> => {
  const { admin, read, close } = await foreign([url])
  const names = namesOf(prefix)
  const consumed = (name: string): ReadonlyArray<string> => [
    names.events(patternOf(name)),
    names.retry(patternOf(name), name),
  ]
  const dead = (name: string): string => names.letters(patternOf(name), name)
  return {
    prepare: async (all) => {
      const topics = all.flatMap((name) => [...consumed(name), dead(name)])
      await admin.createTopics({
        topics: topics.map((topic) => ({ topic, numPartitions: 1, replicationFactor: 1 })),
        waitForLeaders: true,
        timeout: 60_000,
      })
    },
    letters: async (name) =>
      (await persistently(() => read(dead(name)))).map(({ value, headers = {} }) =>
        lying(value ?? Buffer.alloc(0), texts(headers)),
      ),
    left: async (name) => {
      const topics = [...consumed(name)]
      const positions = await admin.fetchOffsets({ groupId: names.group(name), topics })
      let count = 0
      for (const { topic, partitions } of positions)
        for (const { high, partition } of await persistently(() => admin.fetchTopicOffsets(topic))) {
          const at = Number(partitions.find((one) => one.partition === partition)?.offset ?? -1)
          count += Number(high) - Math.max(0, at)
        }
      return count
    },
    clear: async () => {},
    close,
  }
}

/** A connection to the broker of a place. */
export const ground = (place: Place): Promise<Ground> => ({ redis, amqp, kafka })[place.kind](place)

/** A program of another make at the broker of a case: it publishes what it likes, and looks at what was set aside. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, type Channel } from 'amqplib'
import { Redis } from 'ioredis'
import kafkajs from 'kafkajs'
import { onTestFinished } from 'vitest'
import { letterField } from '../../lib/transport/broker/letter.js'
import { deadQueue, eventExchange, eventQueue } from '../../lib/transport/amqp/names.js'
import { namesOf } from '../../lib/transport/kafka/names.js'
import { eventKeys, groupKeys } from '../../lib/transport/redis/keys.js'
import { foreign as kafkaProgram } from '../transport/kafka/subject.js'
import { patterns } from './load.js'
import type { Site } from './transports.js'
import { group } from './worker.js'

/** An event, with as much as is said of it. */
export interface Parcel {
  readonly body: Buffer | string
  readonly id?: string
  /** The ordering key. */
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent compressed, where the broker knows of that. */
  readonly gzip?: boolean
}

/** An event that was set aside. */
export interface Letter {
  readonly body: Buffer
  /** Empty: the broker itself has given it up. */
  readonly reason: string
  readonly attempts: number
}

export interface Foreign {
  /** Makes the broker take bodies of so many bytes where it would not, and unpack what comes compressed. */
  readonly allow: (bytes: number) => Promise<void>
  /** Publishes in this order; resolves when the broker has all of them. */
  readonly publish: (parcels: ReadonlyArray<Parcel>) => Promise<void>
  readonly letters: () => Promise<ReadonlyArray<Letter>>
  /** How many there are. */
  readonly buried: () => Promise<number>
}

// Redis takes 512 MiB, RabbitMQ 16 or 128 by its version.
const taken = (): Promise<void> => Promise.resolve()

const described = (prefix: string, { id, key, headers = {} }: Parcel): Readonly<Record<string, string>> => ({
  ...headers,
  ...(id === undefined ? {} : { [`${prefix}id`]: id }),
  ...(key === undefined ? {} : { [`${prefix}partitionkey`]: key }),
})

const textOf = (value: unknown): string =>
  Buffer.isBuffer(value) ? value.toString() : typeof value === 'string' ? value : ''

const letter = (body: Buffer | null, fields: Readonly<Record<string, unknown>>): Letter => ({
  body: body ?? Buffer.alloc(0),
  reason: textOf(fields[letterField.reason]),
  attempts: Number(textOf(fields[letterField.attempts])),
})

const onRedis = ({ url, prefix }: Site): Foreign => {
  const client = new Redis(url)
  onTestFinished(async () => {
    const ended = once(client, 'end')
    client.disconnect()
    await ended
  })
  const { stream } = eventKeys(prefix, patterns.event)
  const { dead } = groupKeys(stream, group)
  return {
    allow: taken,
    publish: async (parcels) => {
      await Promise.all(
        parcels.map((parcel) =>
          client.xadd(stream, '*', 'body', parcel.body, ...Object.entries(described('ce_', parcel)).flat()),
        ),
      )
    },
    letters: async () =>
      (await client.xrangeBuffer(dead, '-', '+')).map(([, flat]) => {
        const pairs = flat.flatMap((name, i) => (i % 2 === 0 ? [[String(name), flat[i + 1]!] as const] : []))
        const body = pairs.find(([name]) => name === 'body')?.[1] ?? null
        return letter(body, Object.fromEntries(pairs.filter(([name]) => name !== 'body')))
      }),
    buried: () => client.xlen(dead),
  }
}

const onAmqp = async ({ url, prefix }: Site): Promise<Foreign> => {
  const model = await connect(url)
  model.on('error', () => undefined)
  onTestFinished(async () => {
    // n.b. the driver leaves the socket to the broker
    const { stream } = model.connection as unknown as { readonly stream: Socket }
    await model.close()
    stream.destroy()
  })
  const dead = deadQueue(eventQueue(prefix, group, patterns.event))
  const all = async (channel: Channel): Promise<ReadonlyArray<Letter>> => {
    const found: Array<Letter> = []
    for (;;) {
      const message = await channel.get(dead)
      if (message === false) return found
      found.push(letter(message.content, message.properties.headers ?? {}))
    }
  }
  // n.b. what was taken and not acknowledged goes back with the channel; before the service has started there is no queue
  const look = async <A>(work: (channel: Channel) => Promise<A>, nothing: A): Promise<A> => {
    const channel = await model.createChannel()
    channel.on('error', () => undefined)
    try {
      const found = await work(channel)
      await channel.close()
      return found
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === 404) return nothing
      throw error
    }
  }
  return {
    allow: taken,
    publish: async (parcels) => {
      const channel = await model.createConfirmChannel()
      for (const parcel of parcels)
        channel.publish(eventExchange(prefix), patterns.event, Buffer.from(parcel.body), {
          persistent: true,
          headers: described('cloudEvents_', parcel),
        })
      await channel.waitForConfirms()
      await channel.close()
    },
    letters: () => look(all, []),
    buried: () => look(async (channel) => (await channel.checkQueue(dead)).messageCount, 0),
  }
}

const onKafka = async ({ url, prefix }: Site): Promise<Foreign> => {
  const program = await kafkaProgram([url])
  onTestFinished(program.close)
  const names = namesOf(prefix)
  const topic = names.events(patterns.event)
  return {
    allow: async (bytes) => {
      const configEntries = [
        { name: 'max.message.bytes', value: String(bytes) },
        { name: 'compression.type', value: 'uncompressed' },
      ]
      const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }]
      await program.admin.alterConfigs({ validateOnly: false, resources })
    },
    publish: async (parcels) => {
      await program.producer.send({
        topic,
        compression: kafkajs.CompressionTypes[parcels.some(({ gzip }) => gzip) ? 'GZIP' : 'None'],
        messages: parcels.map((parcel) => ({
          key: parcel.key ?? null,
          value: parcel.body,
          headers: described('ce_', parcel),
        })),
      })
    },
    letters: async () =>
      (await program.read(names.letters(patterns.event, group))).map(({ value, headers = {} }) =>
        letter(value, headers),
      ),
    buried: async () =>
      (await program.admin.fetchTopicOffsets(names.letters(patterns.event, group))).reduce(
        (count, { low, high }) => count + Number(high) - Number(low),
        0,
      ),
  }
}

/** Another program at a broker; it leaves with the test. */
export const foreign = async (site: Site): Promise<Foreign> =>
  site.kind === 'redis' ? onRedis(site) : site.kind === 'amqp' ? onAmqp(site) : onKafka(site)

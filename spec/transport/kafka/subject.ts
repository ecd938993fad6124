/** Kafka, as a subject of the conformance kit. Each world has a prefix of its own on the broker that all share. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import kafkajs, { type Admin, type Cluster, type ISocketFactory, type KafkaMessage, type Producer } from 'kafkajs'
import { kafka, type KafkaOptions } from 'taskwire/kafka'
import type { Subject } from 'taskwire/testing'

// n.b. each of four replicas is to have a share
const partitions = 4
/** What programs of other makes do at a broker. */
export interface Foreign {
  readonly admin: Admin
  readonly producer: Producer
  /** Every record of a topic, from its head to its end now. */
  readonly read: (topic: string) => Promise<ReadonlyArray<KafkaMessage & { readonly partition: number }>>
  readonly close: () => Promise<void>
}

interface Fetched {
  readonly responses: ReadonlyArray<{
    readonly partitions: ReadonlyArray<{ readonly messages: ReadonlyArray<KafkaMessage> }>
  }>
}

/** A topic that was just created has no leaders for a moment. */
export const persistently = async <A>(work: () => Promise<A>, tries = 20): Promise<A> => {
  try {
    return await work()
  } catch (error) {
    if (tries === 0) throw error
    await new Promise((resolve) => setTimeout(resolve, 100))
    return persistently(work, tries - 1)
  }
}

/** Connects with plain kafkajs. */
export const foreign = async (brokers: ReadonlyArray<string>): Promise<Foreign> => {
  const one = new kafkajs.Kafka({
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 50 },
  })
  const admin = one.admin()
  const producer = one.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  let found: Cluster | undefined
  // n.b. the way to records without a group: this consumer never joins
  one.consumer({
    groupId: 'never',
    partitionAssigners: [
      (given) => {
        found = given.cluster
        return kafkajs.PartitionAssigners.roundRobin(given)
      },
    ],
  })
  const cluster = found
  if (cluster === undefined) throw new Error('kafkajs gave no cluster')
  await Promise.all([admin.connect(), producer.connect(), cluster.connect()])
  const from = async (topic: string, partition: number, low: number, high: number): Promise<Array<KafkaMessage>> => {
    const [leader = ''] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
    const broker = await cluster.findBroker({ nodeId: leader })
    const read: Array<KafkaMessage> = []
    for (let next = low; next < high;) {
      const asked = { partition, fetchOffset: String(next), maxBytes: 10_000_000 }
      const { responses } = (await broker.fetch({
        maxWaitTime: 50,
        minBytes: 1,
        maxBytes: 10_000_000,
        isolationLevel: 1,
        topics: [{ topic, partitions: [asked] }],
      })) as Fetched
      const messages = responses.flatMap(({ partitions }) => partitions.flatMap((all) => all.messages))
      read.push(...messages.filter(({ offset }) => Number(offset) >= next))
      next = Math.max(next, ...messages.map(({ offset }) => Number(offset) + 1))
    }
    return read
  }
  return {
    admin,
    producer,
    read: async (topic) => {
      await cluster.addTargetTopic(topic)
      const ends = await persistently(() => admin.fetchTopicOffsets(topic))
      const all = await Promise.all(
        ends.map(async ({ partition, low, high }) =>
          (await from(topic, partition, Number(low), Number(high))).map((message) => ({ ...message, partition })),
        ),
      )
      return all.flat()
    },
    close: async () => {
      await Promise.all([admin.disconnect(), producer.disconnect(), cluster.disconnect()])
    },
  }
}

/** Sockets that can be cut, and kept from being opened again. */
const network = (): { readonly open: ISocketFactory; readonly cut: () => () => void } => {
  const sockets = new Set<Socket>()
  let down = false
  const cut = (socket: Socket): void => {
    socket.destroy(new Error('no network'))
  }
  return {
    open: ({ host, port, onConnect }) => {
      const socket = connect({ host, port, noDelay: true }, onConnect)
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      if (down) setImmediate(cut, socket)
      return socket
    },
    cut: () => {
      down = true
      sockets.forEach(cut)
      return () => {
        down = false
      }
    },
  }
}

/** With brokers at these addresses. */
export const kafkaSubject = (brokers: ReadonlyArray<string>, options: Partial<KafkaOptions<string>> = {}): Subject => ({
  name: 'kafka',
  capabilities: kafka({ brokers }).capabilities,
  patience: 30_000,
  world: async () => {
    const prefix = `w${randomBytes(6).toString('hex')}.`
    const at = await foreign(brokers)
    const net = network()
    const make = (name: string) =>
      kafka<string>({
        name,
        brokers,
        prefix,
        createTopics: { partitions, replicationFactor: 1 },
        // n.b. leaving waits for the fetch that is under way
        kafkajs: { socketFactory: net.open, consumer: { maxWaitTimeInMs: 50 } },
        ...options,
      })
    const own = async (ending = ''): Promise<ReadonlyArray<string>> =>
      (await at.admin.listTopics()).filter((topic) => topic.startsWith(prefix) && topic.endsWith(ending))
    const configured = async (value: string): Promise<void> => {
      const topics = await own('--dlq')
      await at.admin.alterConfigs({
        validateOnly: false,
        resources: topics.map((name) => ({
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name,
          configEntries: [{ name: 'max.message.bytes', value }],
        })),
      })
    }
    return {
      transport: make,
      client: (_, name) => make(name),
      breakDeadLetters: async () => {
        await configured('1')
        return () => configured('1048588')
      },
      outage: async () => {
        const mend = net.cut()
        return async () => {
          mend()
        }
      },
      dispose: async () => {
        const topics = await own()
        if (topics.length > 0) await at.admin.deleteTopics({ topics: [...topics] })
        await at.close()
      },
    }
  },
})

/** Kafka, as a subject of the conformance kit. Each world has a prefix of its own on the broker that all share. */
import { randomBytes } from 'node:crypto'
import kafkajs, { type Admin, type IHeaders, type KafkaMessage, type Producer } from 'kafkajs'
import { kafka } from 'taskwire/kafka'
import type { Letter, Subject } from 'taskwire/testing'

const partitions = 3
const dead = 'taskwire-dead-'
const reasons: Readonly<Record<string, string>> = {
  'invalid-payload': 'InvalidPayload',
  'handler-failed': 'HandlerFailed',
  defect: 'Defect',
  timeout: 'Timeout',
  'attempts-exhausted': 'AttemptsExhausted',
  'no-handler': 'NoHandler',
}

const text = (headers: IHeaders | undefined, name: string): string => String(headers?.[name] ?? '')

const letterOf = ({ value, headers = {} }: KafkaMessage): Letter => ({
  body: value ?? Buffer.alloc(0),
  headers: Object.fromEntries(
    Object.keys(headers)
      .filter((name) => !/^(taskwire-|ce_|content-type$)/.test(name))
      .map((name) => [name, text(headers, name)]),
  ),
  messageId: text(headers, `${dead}message-id`),
  reason: reasons[text(headers, `${dead}reason`)] ?? 'unknown',
  message: text(headers, `${dead}message`),
  attempts: Number(text(headers, `${dead}attempts`)),
})

/** What programs of other makes do at a broker. */
export interface Foreign {
  readonly admin: Admin
  readonly producer: Producer
  /** Every record of a topic, from its head to its end now. */
  readonly read: (topic: string) => Promise<ReadonlyArray<KafkaMessage & { readonly partition: number }>>
  readonly close: () => Promise<void>
}

/** Connects with plain kafkajs. */
export const foreign = async (brokers: ReadonlyArray<string>): Promise<Foreign> => {
  const client = () =>
    new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING, retry: { initialRetryTime: 50 } })
  const one = client()
  const admin = one.admin()
  const producer = one.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await Promise.all([admin.connect(), producer.connect()])
  return {
    admin,
    producer,
    read: async (topic) => {
      const ends = await admin.fetchTopicOffsets(topic)
      const missing = new Map(
        ends.filter(({ low, high }) => Number(high) > Number(low)).map((end) => [end.partition, Number(end.high)]),
      )
      if (missing.size === 0) return []
      const found: Array<KafkaMessage & { readonly partition: number }> = []
      const consumer = client().consumer({ groupId: `look-${randomBytes(8).toString('hex')}`, maxWaitTimeInMs: 50 })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      await new Promise<void>((resolve) => {
        void consumer.run({
          autoCommit: false,
          eachBatch: async ({ batch }) => {
            const high = missing.get(batch.partition)
            if (high === undefined) return
            found.push(...batch.messages.map((message) => ({ ...message, partition: batch.partition })))
            if (Number(batch.lastOffset()) >= high - 1) missing.delete(batch.partition)
            if (missing.size === 0) resolve()
          },
        })
      })
      await consumer.disconnect()
      return found
    },
    close: async () => {
      await Promise.all([admin.disconnect(), producer.disconnect()])
    },
  }
}

/** Puts dead letters back to the endpoint that gave them up: into the service's own topic of retries. */
const restore = (letter: KafkaMessage) => {
  const headers = letter.headers ?? {}
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(dead)))
  return {
    key: letter.key,
    value: letter.value,
    headers: {
      ...kept,
      'taskwire-endpoint': text(headers, `${dead}endpoint`),
      'taskwire-origin': text(headers, `${dead}source`),
      'taskwire-replays': String(Number(text(headers, 'taskwire-replays')) + 1),
    },
  }
}

/** With brokers at these addresses. */
export const kafkaSubject = (brokers: ReadonlyArray<string>): Subject => ({
  name: 'kafka',
  capabilities: kafka({ brokers }).capabilities,
  patience: 30_000,
  world: async () => {
    const prefix = `w${randomBytes(6).toString('hex')}.`
    const at = await foreign(brokers)
    const make = (name: string) =>
      kafka({
        name,
        brokers,
        prefix,
        createTopics: { partitions, replicationFactor: 1 },
        // n.b. leaving waits for the fetch that is under way
        kafkajs: { consumer: { maxWaitTimeInMs: 50 } },
      })
    const own = async (ending = ''): Promise<ReadonlyArray<string>> =>
      (await at.admin.listTopics()).filter((topic) => topic.startsWith(prefix) && topic.endsWith(ending))
    const letters = async () =>
      Promise.all(
        (await own('--dlq')).map(async (topic) => {
          const consumed = await at.admin.fetchTopicOffsets(topic)
          return { topic, low: new Map(consumed.map(({ partition, low }) => [partition, low])), all: await at.read(topic) }
        }),
      )
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
      deadLetters: async () => (await letters()).flatMap(({ all }) => all.map(letterOf)),
      redrive: async () => {
        let moved = 0
        for (const { topic, all } of await letters()) {
          if (all.length === 0) continue
          await at.producer.send({ topic: topic.replace(/--dlq$/, '--retry'), messages: all.map(restore) })
          // n.b. they leave the list
          const ends = await at.admin.fetchTopicOffsets(topic)
          await at.admin.deleteTopicRecords({
            topic,
            partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
          })
          moved += all.length
        }
        return moved
      },
      breakDeadLetters: async () => {
        await configured('1')
        return () => configured('1048588')
      },
      dispose: async () => {
        const topics = await own()
        if (topics.length > 0) await at.admin.deleteTopics({ topics: [...topics] })
        await at.close()
      },
    }
  },
})

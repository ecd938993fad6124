/**
 * The practical limit on Kafka with kafkajs: one batch in flight per topic and direction, offsets committed by hand a
 * batch at a time, of requests before and of events after their handlers; replies come on one pinned partition.
 */
import { Buffer } from 'node:buffer'
import { connect as dial } from 'node:net'
import kafkajs, { type Batch, type EachBatchPayload, type IHeaders, type PartitionAssigner } from 'kafkajs'
import type { BrokerContender, Place } from '../contenders.js'
import { outbox } from './outbox.js'
import { replies } from './replies.js'

const { Kafka, logLevel, Partitioners } = kafkajs
const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol

const PARTITIONS = 6

const requests = ({ id }: Place): string => `${id}.requests`
const answers = ({ id }: Place): string => `${id}.answers`
const events = ({ id }: Place): string => `${id}.events`

const clientOf = ({ url }: Place) =>
  new Kafka({
    clientId: 'bench',
    brokers: url.split(','),
    logLevel: logLevel.NOTHING,
    socketFactory: (to) => dial({ host: to.host, port: to.port, noDelay: true }, () => to.onConnect()),
  })

const producerOf = async (kafka: ReturnType<typeof clientOf>) => {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false })
  await producer.connect()
  return producer
}

const commit = async (payload: EachBatchPayload): Promise<void> => {
  const { batch } = payload
  const { topic, partition } = batch
  const offset = (BigInt(batch.lastOffset()) + 1n).toString()
  payload.resolveOffset(batch.lastOffset())
  await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] })
}

const header = (headers: IHeaders | undefined, name: string): string => String(headers?.[name] ?? '')

const rejected = (error?: Error): void => {
  if (error !== undefined) throw error
}

export const serve: BrokerContender['serve'] = async (place, [{ check }], handled) => {
  const kafka = clientOf(place)
  const admin = kafka.admin()
  await admin.connect()
  const topics = [requests(place), answers(place), events(place)]
  await admin.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions: PARTITIONS })) })
  await admin.disconnect()

  const out = outbox(await producerOf(kafka), answers(place), PARTITIONS)
  const consumer = kafka.consumer({ groupId: place.id })
  await consumer.connect()
  await consumer.subscribe({ topics: [requests(place), events(place)] })

  const answer = (batch: Batch): void => {
    for (const { value, headers } of batch.messages) {
      const [partition, id = ''] = header(headers, 'reply').split(' ')
      const payload = check(JSON.parse(String(value)))
      out.add({ partition: Number(partition), headers: { id }, value: JSON.stringify(payload) }, rejected)
    }
  }
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: PARTITIONS,
    eachBatch: async (payload) => {
      if (payload.batch.topic === requests(place)) {
        await commit(payload)
        answer(payload.batch)
      } else {
        for (const { value } of payload.batch.messages) handled(check(JSON.parse(String(value))))
        await commit(payload)
      }
    },
  })
}

/** For the only member of a group: assigns it this one partition. */
const pinned =
  (topic: string, partition: number): PartitionAssigner =>
  () => ({
    name: 'pinned',
    version: 0,
    protocol: ({ topics }) => ({
      name: 'pinned',
      metadata: MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
    }),
    assign: async ({ members }) =>
      members.map(({ memberId }) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: 0,
          assignment: { [topic]: [partition] },
          userData: Buffer.alloc(0),
        }),
      })),
  })

export const connect: BrokerContender['connect'] = async (place, [{ check }]) => {
  const kafka = clientOf(place)
  const producer = await producerOf(kafka)
  const calls = outbox(producer, requests(place), PARTITIONS)
  const emits = outbox(producer, events(place), PARTITIONS)
  const { wait, settle, fail } = replies()

  const own = 3
  const consumer = kafka.consumer({
    groupId: `${place.id}.client`,
    partitionAssigners: [pinned(answers(place), own)],
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [answers(place)] })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { value, headers } of batch.messages)
        settle(header(headers, 'id'), () => check(JSON.parse(String(value))))
    },
  })

  return {
    calls: [
      (payload) =>
        wait((id) => {
          calls.add({ headers: { reply: `${own} ${id}` }, value: JSON.stringify(payload) }, (error) => {
            if (error !== undefined) fail(id, error)
          })
        }),
    ],
    emit: (payload) =>
      new Promise((resolve, reject) => {
        emits.add({ value: JSON.stringify(payload) }, (error) =>
          error === undefined ? resolve(undefined) : reject(error),
        )
      }),
  }
}

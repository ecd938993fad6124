/**
 * Reads the records of a topic without joining a group, and keeps a group's place in it all the same. kafkajs has no way to
 * say so, but a consumer hands its cluster to its assigners, also one that never joins.
 */
import type { Broker, Cluster, KafkaMessage } from 'kafkajs'
import type { Environment } from '../transport.js'
import { refusedForGood, typeOf } from './failures.js'
import type { Settings } from './options.js'
import { settled, waits } from './settled.js'
import { answerMs, station, type Driver } from './station.js'

/** What a partition has, and where the group stands in it. */
export interface Extent {
  readonly partition: number
  /** The first record that the broker still has. */
  readonly low: number
  /** After the last one. */
  readonly high: number
  /** `undefined`: the group was never here. */
  readonly committed: number | undefined
}

/** Every method tries again for as long as that may help, at most half a minute, and rejects then. */
export interface Reader {
  /** Of these partitions; by default of all. */
  readonly extents: (partitions?: ReadonlyArray<number>) => Promise<ReadonlyArray<Extent>>
  /** Records from an offset on, those that are there now; `gone` when the broker does not have that offset. */
  readonly fetch: (partition: number, from: number) => Promise<ReadonlyArray<KafkaMessage> | 'gone'>
  readonly commit: (partition: number, offset: number) => Promise<void>
  readonly end: () => Promise<void>
}

// The types of kafkajs leave these out.
interface Fetched {
  readonly responses: ReadonlyArray<{
    readonly partitions: ReadonlyArray<{ readonly messages: ReadonlyArray<KafkaMessage> }>
  }>
}

/** How long one step is tried, between attempts, and for the end, in milliseconds. */
const limitMs = 30_000
const againMs = 100
const endMs = 1_000
/** Of one answer; a record that is larger comes alone. */
const fetchBytes = 1_048_576

const commands = (cluster: Cluster, topic: string, groupId: string) => {
  const ofAll = <A>(partitions: ReadonlyArray<number>, more: A) => [
    { topic, partitions: partitions.map((partition) => ({ partition, offset: '-1' })), ...more },
  ]
  const coordinator = (): Promise<Broker> => cluster.findGroupCoordinator({ groupId })
  const known = (): ReadonlyArray<number> => {
    const all = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
    if (all.length === 0) throw new Error(`the topic ${topic} does not exist`)
    return all
  }
  const ends = async (partitions: ReadonlyArray<number>, fromBeginning: boolean) => {
    const [found] = await cluster.fetchTopicsOffset(ofAll(partitions, { fromBeginning }))
    return new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  }
  return {
    extents: async (given?: ReadonlyArray<number>): Promise<ReadonlyArray<Extent>> => {
      await cluster.addTargetTopic(topic)
      const partitions = given ?? known()
      const { responses } = await (await coordinator()).offsetFetch({ groupId, topics: ofAll(partitions, {}) })
      const committed = new Map(
        responses.flatMap((one) => one.partitions.map(({ partition, offset }) => [partition, Number(offset)])),
      )
      const [low, high] = [await ends(partitions, true), await ends(partitions, false)]
      return partitions.map((partition) => {
        const at = committed.get(partition) ?? -1
        const first = low.get(partition)
        const last = high.get(partition)
        if (first === undefined || last === undefined) throw new Error(`no leader of ${topic}/${String(partition)}`)
        return { partition, low: first, high: last, committed: at < 0 ? undefined : at }
      })
    },
    fetch: async (partition: number, from: number): Promise<ReadonlyArray<KafkaMessage> | 'gone'> => {
      const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
      if (leader === undefined) throw new Error(`no leader of ${topic}/${String(partition)}`)
      const broker = await cluster.findBroker({ nodeId: leader })
      const asked = { partition, fetchOffset: String(from), maxBytes: fetchBytes }
      try {
        const { responses } = (await broker.fetch({
          maxWaitTime: againMs,
          minBytes: 1,
          maxBytes: fetchBytes,
          // n.b. all there is: a transaction that is open must not hide what comes after it
          isolationLevel: 0,
          topics: [{ topic, partitions: [asked] }],
        })) as Fetched
        // n.b. the batch that holds the offset comes whole
        return responses
          .flatMap(({ partitions }) => partitions.flatMap(({ messages }) => messages))
          .filter(({ offset }) => Number(offset) >= from)
      } catch (cause) {
        if (typeOf(cause) === 'OFFSET_OUT_OF_RANGE') return 'gone'
        throw cause
      }
    },
    // n.b. without a generation, as programs do that assign partitions to themselves
    commit: async (partition: number, offset: number): Promise<void> => {
      const topics = [{ topic, partitions: [{ partition, offset: String(offset) }] }]
      await (await coordinator()).offsetCommit({ groupId, groupGenerationId: -1, memberId: '', topics })
    },
  }
}

/** Of one topic; nothing is opened before it is asked for something. `closing` makes all of it reject. */
export const reader = (
  driver: Driver,
  settings: Settings,
  { clock }: Environment,
  topic: string,
  groupId: string,
  closing: AbortSignal,
): Reader => {
  const at = station(driver, settings, clock, {}, 'patient', answerMs(settings))
  const found: { cluster?: Cluster } = {}
  at.kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    partitionAssigners: [
      (given) => {
        found.cluster = given.cluster
        return driver.PartitionAssigners.roundRobin(given)
      },
    ],
  })
  const { cluster } = found
  closing.addEventListener('abort', at.destroy)
  const persistently = async <A>(work: (cluster: Cluster) => Promise<A>): Promise<A> => {
    if (cluster === undefined) throw new Error('this version of kafkajs is not known')
    const until = clock.now() + limitMs
    for (;;) {
      try {
        const done = await settled(
          clock,
          cluster.connect().then(() => work(cluster)),
          until - clock.now(),
        )
        if (done !== undefined) return done.value
        throw new Error('no answer')
      } catch (cause) {
        if (closing.aborted) throw new Error('the connection is closed', { cause })
        if (refusedForGood(cause) || clock.now() + againMs > until) throw cause
        await waits(clock, againMs)
        await settled(clock, cluster.refreshMetadata(), againMs).catch(() => undefined)
      }
    }
  }
  const ask = (one: Cluster): ReturnType<typeof commands> => commands(one, topic, groupId)
  return {
    extents: (partitions) => persistently((one) => ask(one).extents(partitions)),
    fetch: (partition, from) => persistently((one) => ask(one).fetch(partition, from)),
    commit: (partition, offset) => persistently((one) => ask(one).commit(partition, offset)),
    end: async () => {
      closing.removeEventListener('abort', at.destroy)
      if (cluster !== undefined) await settled(clock, cluster.disconnect(), endMs).catch(() => undefined)
      at.destroy()
    },
  }
}

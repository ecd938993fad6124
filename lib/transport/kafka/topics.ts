/** Which topics there are and how many partitions they have; the missing ones are created where that is wanted. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Admin } from 'kafkajs'
import type { Clock } from '../../core/clock.js'
import type { ConnectError } from '../../core/error.js'
import { connectError, typeOf } from './failures.js'
import type { Settings } from './options.js'
import { waits } from './settled.js'

/** A topic, and how it is created. */
export interface Wanted {
  readonly topic: string
  /** Default: as many as the options say. */
  readonly partitions?: number
  /** How long records are kept, in milliseconds; default: as long as the broker says. */
  readonly retentionMs?: number
}

/** Either the number of partitions, or nothing: it does not exist. */
export type Found = Either<ConnectError, number | undefined>

export interface Topics {
  /** What is known already. */
  readonly known: (topic: string) => number | undefined
  /** Looks a topic up; creates it where that is wanted and `create` is given. */
  readonly find: (admin: Admin, topic: string, create: boolean) => Promise<Found>
  /** All of them are there afterwards, or the Left says which are not. */
  readonly ensure: (admin: Admin, wanted: ReadonlyArray<Wanted>) => Promise<Either<ConnectError, void>>
  /** It may be gone, or have other partitions. */
  readonly forget: (topic: string) => void
}

/** Partitions may be added, and topics deleted: what is known is looked up again so many milliseconds later. */
const knownMs = 300_000
/** A topic that is not there is not looked up again for so long. */
const missingMs = 500
/** What a topic that was just created may take until it has leaders everywhere. */
const leadersMs = 10_000

const passing: ReadonlySet<unknown> = new Set(['LEADER_NOT_AVAILABLE', 'NOT_CONTROLLER', 'UNKNOWN_TOPIC_OR_PARTITION'])

export const topics = ({ name, createTopics }: Settings, clock: Clock): Topics => {
  const cache = new Map<string, { readonly partitions: number | undefined; readonly until: number }>()
  const looking = new Map<string, Promise<Found>>()

  const learn = (topic: string, partitions: number | undefined): void => {
    cache.set(topic, { partitions, until: clock.now() + (partitions === undefined ? missingMs : knownMs) })
  }
  const valid = (topic: string): { readonly partitions: number | undefined } | undefined => {
    const found = cache.get(topic)
    return found !== undefined && found.until > clock.now() ? found : undefined
  }
  /** All of them at once; false when one of them is not there. */
  const look = async (admin: Admin, all: ReadonlyArray<string>): Promise<boolean> => {
    try {
      const found = await admin.fetchTopicMetadata({ topics: [...all] })
      for (const one of found.topics) learn(one.name, one.partitions.length)
      return true
    } catch (cause) {
      if (typeOf(cause) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw cause
      // n.b. the answer does not say which
      for (const topic of all.length === 1 ? all : []) learn(topic, undefined)
      return false
    }
  }
  const there = async (admin: Admin, topic: string): Promise<boolean> =>
    valid(topic)?.partitions !== undefined || look(admin, [topic])

  const create = async (admin: Admin, wanted: ReadonlyArray<Wanted>): Promise<void> => {
    const { partitions: usual = 1, replicationFactor = -1 } = createTopics ?? {}
    const until = clock.now() + leadersMs
    for (;;) {
      try {
        await admin.createTopics({
          waitForLeaders: false,
          topics: wanted.map(({ topic, partitions = usual, retentionMs }) => ({
            topic,
            numPartitions: partitions,
            replicationFactor,
            ...(retentionMs === undefined
              ? {}
              : {
                  configEntries: [
                    { name: 'retention.ms', value: String(retentionMs) },
                    // n.b. only segments that are closed are deleted
                    { name: 'segment.ms', value: String(retentionMs) },
                  ],
                }),
          })),
        })
        break
      } catch (cause) {
        // n.b. some may have been there: what else is wrong shows when they are looked up
        const types = (cause as { readonly errors?: ReadonlyArray<unknown> }).errors?.map(typeOf) ?? [typeOf(cause)]
        const others = types.filter((type) => type !== 'TOPIC_ALREADY_EXISTS')
        if (others.length === 0) break
        if (clock.now() > until || !others.every((type) => passing.has(type))) throw cause
        await waits(clock, 100)
      }
    }
    for (;;) {
      try {
        if (
          await look(
            admin,
            wanted.map(({ topic }) => topic),
          )
        )
          return
      } catch (cause) {
        if (!passing.has(typeOf(cause))) throw cause
      }
      if (clock.now() > until) throw new Error('topics that were created have no leaders')
      await waits(clock, 30)
    }
  }

  const find = async (admin: Admin, topic: string, creating: boolean): Promise<Found> => {
    try {
      if (!(await there(admin, topic)) && creating && createTopics !== undefined) await create(admin, [{ topic }])
      return E.right(valid(topic)?.partitions)
    } catch (cause) {
      return E.left(connectError(name, `cannot look up the topic ${topic}`, cause))
    }
  }

  return {
    known: (topic) => valid(topic)?.partitions,
    find: (admin, topic, creating) => {
      const found = valid(topic)
      if (found !== undefined && (found.partitions !== undefined || !creating))
        return Promise.resolve(E.right(found.partitions))
      const id = `${String(creating)} ${topic}`
      const under = looking.get(id)
      if (under !== undefined) return under
      const work = find(admin, topic, creating).finally(() => {
        looking.delete(id)
      })
      looking.set(id, work)
      return work
    },
    ensure: async (admin, wanted) => {
      const all = wanted.map(({ topic }) => topic)
      try {
        if (await look(admin, all)) return E.right(undefined)
        if (createTopics !== undefined) {
          await create(admin, wanted)
          return E.right(undefined)
        }
        const missing: Array<string> = []
        for (const topic of all) if (!(await look(admin, [topic]))) missing.push(topic)
        return missing.length === 0 ? E.right(undefined) : E.left({ _tag: 'TopicMissing', topics: missing })
      } catch (cause) {
        return E.left(connectError(name, 'cannot look up topics', cause))
      }
    },
    forget: (topic) => {
      cache.delete(topic)
    },
  }
}

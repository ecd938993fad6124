/**
 * Replies to this process: one topic for all, of which each process reads one partition, in a group of its own. It begins
 * at the end of the partition as it was before it joined, and goes on from there whatever happens to the consumer, so that
 * no reply to a request that was sent once it is open gets lost on the way.
 */
import { createHash } from 'node:crypto'
import * as E from 'fp-ts/lib/Either.js'
import type { ConnectError } from '../../core/error.js'
import type { Fields } from '../broker/attributes.js'
import { transportFailed } from '../broker/failing.js'
import { keepOpen, type KeptOpen } from '../broker/keep-open.js'
import type { Environment } from '../transport.js'
import { answeredOf } from '../broker/addressed.js'
import { pinned } from './assigner.js'
import { connectError } from './failures.js'
import type { Identity } from './coordinator.js'
import { join, type Member } from './member.js'
import type { Names } from './names.js'
import type { Settings } from './options.js'
import { bodyOf, fieldsOf } from './record.js'
import { opened, waits } from './settled.js'
import type { Driver } from './station.js'

/** Where this process gets its replies. */
export interface ReplyPath {
  /** Goes into a request. */
  readonly address: string
  readonly member: Member
}

export interface Replying {
  readonly driver: Driver
  readonly settings: Settings
  readonly names: Names
  readonly environment: Environment
  readonly way: KeptOpen<unknown>
  /** The number of partitions of the topic of replies; makes it where that is wanted. */
  readonly partitions: () => Promise<E.Either<ConnectError, number>>
  /** A reply to this process, or to one that shares its partition. */
  readonly heard: (call: string, fields: Fields, body: Uint8Array) => void
}

export const replies = ({
  driver,
  settings,
  names,
  environment,
  way,
  partitions,
  heard,
}: Replying): { readonly kept: KeptOpen<ReplyPath>; readonly close: () => Promise<void> } => {
  const { instance } = environment
  const topic = names.replies
  const closing = new AbortController()
  const identity: Identity = { id: undefined }
  let position: { readonly partition: number; next: number } | undefined

  const open = async (lost: (why: string) => void): Promise<E.Either<ConnectError, ReplyPath>> => {
    await opened(way, closing.signal)
    if (closing.signal.aborted) return E.left(transportFailed(settings.name, 'the connection is closed'))
    const found = await partitions()
    if (E.isLeft(found)) return found
    const partition =
      position?.partition ?? createHash('sha256').update(instance).digest().readUInt32BE(0) % found.right
    const joined = await join(
      driver,
      settings,
      environment,
      {
        groupId: names.replyGroup(instance),
        topics: [topic],
        identity,
        assigner: (cluster) => {
          const own = pinned(driver, topic, partition)
          return {
            ...own,
            // n.b. between the join and its answer, and before anything is fetched
            assign: async (members) => {
              position ??= { partition, next: await endOf(cluster, partition) }
              return own.assign(members)
            },
          }
        },
        leaving: () => Promise.resolve(),
        joined: (_, { consumer }) => {
          if (position !== undefined) consumer.seek({ topic, partition, offset: String(position.next) })
        },
        batch: (payload) => {
          const { batch } = payload
          for (const message of batch.messages) {
            const { call, fields } = answeredOf(fieldsOf(message))
            if (call !== '') heard(call, fields, bodyOf(message))
          }
          const last = batch.messages.at(-1)
          if (last !== undefined) {
            if (position !== undefined) position.next = Number(last.offset) + 1
            payload.resolveOffset(last.offset)
          }
          return Promise.resolve()
        },
        reset: () => undefined,
        lost,
      },
      closing.signal,
    )
    if (E.isLeft(joined)) return joined
    if (position !== undefined) return E.right({ address: `${topic}/${String(partition)}`, member: joined.right })
    await joined.right.end()
    return E.left(connectError(settings.name, 'cannot read replies', new Error('no position')))
  }
  const endOf = async (cluster: Member['cluster'], partition: number, tries = 10): Promise<number> => {
    try {
      const [ends] = await cluster.fetchTopicsOffset([{ topic, partitions: [{ partition }], fromBeginning: false }])
      return Number(ends?.partitions[0]?.offset ?? 0)
    } catch (cause) {
      if (tries === 0 || closing.signal.aborted) throw cause
      // n.b. a topic that was just made has no leaders for a moment
      await cluster.refreshMetadata().catch(() => undefined)
      await waits(environment.clock, 50)
      return endOf(cluster, partition, tries - 1)
    }
  }
  const kept = keepOpen<ReplyPath>(environment, settings.name, {
    what: `${settings.name}: the way of replies`,
    open,
    close: ({ member }) => member.end(),
  })
  return {
    kept,
    close: () => {
      closing.abort()
      return kept.close()
    },
  }
}

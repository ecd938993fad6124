/** A consumer group's member that is kept alive, and the positions it starts from. */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { EachBatchPayload } from 'kafkajs'
import type { ConnectError } from '../../core/error.js'
import { keepOpen, type KeptOpen } from '../broker/keep-open.js'
import { reasonOf, transportFailed } from '../broker/failing.js'
import type { Environment } from '../transport.js'
import { sharing } from './assigner.js'
import type { Identity } from './coordinator.js'
import { connectError } from './failures.js'
import { join, type Assignment, type Member } from './member.js'
import type { Settings } from './options.js'
import { committed, placesOf, positionsOf, type Assigned } from './positions.js'
import { opened, waits } from './settled.js'
import type { Driver } from './station.js'

export interface Work {
  readonly groupId: string
  readonly topics: ReadonlyArray<string>
  /** All of them are there, or made: one that was deleted would keep the member from all others. */
  readonly ensured: TaskEither<ConnectError, void>
  /** Whether the group's first start on a topic begins at its end. */
  readonly fromEnd: (topic: string) => boolean
  /** These and no others are this member's from now on. */
  readonly assigned: (all: ReadonlyArray<Assigned>, member: Member) => void
  /** Of a partition that is this member's. */
  readonly batch: (payload: EachBatchPayload) => Promise<void>
  readonly leaving: () => Promise<void>
  readonly reset: (topic: string, partition: number) => void
}

/** Between looks at what others of the group have still to do, in milliseconds. */
const lookMs = 30

/** Kept alive until it is closed; open once every partition of every topic has a position, whoever of the group reads it. */
export const consuming = (
  driver: Driver,
  settings: Settings,
  environment: Environment,
  way: KeptOpen<unknown>,
  work: Work,
): { readonly kept: KeptOpen<Member>; readonly close: () => Promise<void> } => {
  const { clock } = environment
  const { groupId, topics } = work
  const closing = new AbortController()
  const identity: Identity = { id: undefined }

  const open = async (lost: (why: string) => void): Promise<E.Either<ConnectError, Member>> => {
    // n.b. a batch waits for the positions of the join that it belongs to
    let positions: Promise<boolean> = Promise.resolve(false)
    let epoch = 0
    const begin = async (assignment: Assignment, member: Member): Promise<boolean> => {
      const own = ++epoch
      for (let tries = 0; ; tries++) {
        try {
          const all = await positionsOf(member, groupId, assignment, work.fromEnd)
          if (own !== epoch || closing.signal.aborted) return false
          member.consumer.resume(member.consumer.paused())
          work.assigned(all, member)
          return true
        } catch (cause) {
          if (own !== epoch || closing.signal.aborted) return false
          if (tries === 5) {
            lost(`no positions: ${reasonOf(cause)}`)
            return false
          }
          // n.b. a leader that moved, or a topic that was just made
          await member.cluster.refreshMetadata().catch(() => undefined)
          await waits(clock, 100)
        }
      }
    }
    await opened(way, closing.signal)
    const there = await work.ensured()
    if (closing.signal.aborted) return E.left(transportFailed(settings.name, 'the connection is closed'))
    if (E.isLeft(there)) return there
    const joined = await join(
      driver,
      settings,
      environment,
      {
        groupId,
        topics,
        identity,
        assigner: (cluster) => sharing(driver, cluster),
        leaving: work.leaving,
        joined: (assignment, member) => {
          positions = begin(assignment, member)
        },
        batch: async (payload) => {
          if (await positions) await work.batch(payload)
        },
        reset: work.reset,
        lost,
      },
      closing.signal,
    )
    if (E.isLeft(joined)) return joined
    const member = joined.right
    try {
      for (;;) {
        await positions
        const places = placesOf(member, topics)
        if ((await committed(member, groupId, places)).size === places.length) return joined
        if (closing.signal.aborted) throw new Error('the connection is closed')
        await waits(clock, lookMs)
      }
    } catch (cause) {
      await member.end()
      return E.left(connectError(settings.name, `cannot begin in the group ${groupId}`, cause))
    }
  }
  const kept = keepOpen<Member>(environment, settings.name, {
    what: `${settings.name}: the consumer of ${groupId}`,
    open,
    close: (member) => member.end(),
  })
  return {
    kept,
    close: () => {
      closing.abort()
      return kept.close()
    },
  }
}

/** One consumer of kafkajs from its first join to its last breath. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Assigner, Broker, Cluster, Consumer, EachBatchPayload } from 'kafkajs'
import type { ConnectError } from '../../core/error.js'
import { reasonOf, transportFailed } from '../broker/failing.js'
import type { Environment } from '../transport.js'
import type { Commit } from './commits.js'
import { watched, type Identity } from './coordinator.js'
import { connectError } from './failures.js'
import type { Settings } from './options.js'
import { settled } from './settled.js'
import { answerMs, patient, station, type Driver } from './station.js'

/** Partitions by topic. */
export type Assignment = Readonly<Record<string, ReadonlyArray<number>>>

export interface Member {
  readonly consumer: Consumer
  readonly cluster: Cluster
  readonly coordinator: () => Promise<Broker>
  /** Where no batch has come yet, whose own way to commit is better: this one does nothing once the consumer stops. */
  readonly commit: Commit
  /** Leaves the group; whatever kafkajs is still up to afterwards comes to nothing. */
  readonly end: () => Promise<void>
}

/** What a member does. Nothing of it may throw: kafkajs would end the consumer for good. */
export interface Duties {
  readonly groupId: string
  readonly topics: ReadonlyArray<string>
  readonly assigner: (cluster: Cluster) => Assigner
  /** Before it joins, for the first time or again: what it was assigned may go to another member as soon as this resolves. */
  readonly leaving: () => Promise<void>
  /** It has joined; nothing is fetched before this returns. */
  readonly joined: (assignment: Assignment, member: Member) => void
  readonly batch: (payload: EachBatchPayload) => Promise<void>
  /** Shared with the consumers before and after this one. */
  readonly identity: Identity
  /** The broker no longer had the position of a partition; it starts over at what is there. */
  readonly reset: (topic: string, partition: number) => void
  /** It is of no use any more. */
  readonly lost: (why: string) => void
}

/** Leaving is bounded, in milliseconds: kafkajs waits for the fetch that is under way, and without bounds for brokers. */
const leaveMs = 2_000
const lastMs = 500
/** What a join that is under way may take when the connection closes, in milliseconds. */
const joinMs = 1_000

/** Waits until it has joined; `closing` gives up. */
export const join = async (
  driver: Driver,
  settings: Settings,
  { clock, log }: Environment,
  duties: Duties,
  closing: AbortSignal,
): Promise<Either<ConnectError, Member>> => {
  const { groupId, lost } = duties
  const { name } = settings
  const failed = (cause: unknown): Either<ConnectError, never> =>
    E.left(connectError(name, `cannot join the group ${groupId}`, cause))
  const { maxWaitTimeInMs = 0, rebalanceTimeout = 0 } = settings.consumer
  const soonMs = answerMs(settings)
  // n.b. who joins waits until all others have
  const joiningMs = rebalanceTimeout + soonMs
  const heard: { cluster?: Cluster; coordinator?: Member['coordinator'] } = {}
  const at = station(
    driver,
    settings,
    clock,
    {
      error: ({ message, ['topic']: topic, ['partition']: partition }) => {
        if (!message.startsWith('Offset out of range') || typeof topic !== 'string') return
        log(
          `${name}: the position in ${topic}/${String(partition)} is gone at the broker; starting over at its beginning`,
        )
        duties.reset(topic, Number(partition))
      },
    },
    'patient',
    joiningMs,
  )
  const leaving = async (): Promise<void> => {
    await duties.leaving()
    at.patience(joiningMs)
  }
  const consumer = at.kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    ...settings.consumer,
    // n.b. who restarts is `keepOpen`, on a new client: kafkajs gives up on errors that pass
    retry: { ...patient, restartOnFailure: () => Promise.resolve(false) },
    partitionAssigners: [
      ({ cluster }) => {
        heard.cluster = cluster
        heard.coordinator = watched(cluster, groupId, duties.identity, leaving)
        return duties.assigner(cluster)
      },
    ],
  })
  const { cluster, coordinator } = heard
  if (cluster === undefined || coordinator === undefined)
    return E.left(transportFailed(name, 'this version of kafkajs is not known'))

  let over = false
  const end = async (): Promise<void> => {
    over = true
    const left = consumer.disconnect().catch(() => undefined)
    await settled(clock, left, leaveMs)
    at.destroy()
    await settled(clock, left, lastMs)
  }
  const member: Member = {
    consumer,
    cluster,
    coordinator,
    commit: ({ topics }) =>
      over
        ? Promise.reject(new Error('the consumer is closed'))
        : consumer.commitOffsets(
            topics.flatMap(({ topic, partitions }) => partitions.map((one) => ({ topic, ...one }))),
          ),
    end,
  }

  const first = new Promise<Either<ConnectError, void>>((resolve) => {
    consumer.on('consumer.group_join', ({ payload }) => {
      if (over) return
      at.patience(maxWaitTimeInMs + soonMs)
      if (!closing.aborted) duties.joined(payload.memberAssignment, member)
      resolve(E.right(undefined))
    })
    consumer.on('consumer.crash', ({ payload: { error } }) => {
      resolve(failed(error))
      if (!over) lost(reasonOf(error))
      over = true
    })
    const start = async (): Promise<void> => {
      await consumer.connect()
      await consumer.subscribe({ topics: [...duties.topics], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        // n.b. of what was fetched together nothing waits for anything else
        partitionsConsumedConcurrently: 64,
        eachBatch: duties.batch,
      })
    }
    start().catch((cause: unknown) => {
      resolve(failed(cause))
    })
  })
  // n.b. kafkajs cannot be stopped while it joins: it would go on consuming. It gets a moment to join and leave again, and
  // without its sockets it comes to an end in any case.
  let forget = (): void => undefined
  const abort = (): void => {
    forget = clock.after(joinMs, at.destroy)
  }
  if (closing.aborted) at.destroy()
  else closing.addEventListener('abort', abort)
  const result = await first
  forget()
  closing.removeEventListener('abort', abort)
  if (E.isRight(result) && !closing.aborted) return E.right(member)
  await end()
  return E.isLeft(result) ? result : failed(new Error('the connection is closed'))
}

/** What a service has of Kafka: its topics, and the consumers of its events and of its requests. */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Deliver } from '../../core/delivery.js'
import type { ConnectError } from '../../core/error.js'
import { render } from '../../core/render.js'
import { unwritten } from '../../core/unwritten.js'
import type { KeptOpen } from '../broker/keep-open.js'
import type { Connection, Environment, Subscription } from '../transport.js'
import { repliesWanted } from './asking.js'
import type { KafkaContext } from './context.js'
import { events } from './events.js'
import { refusedForGood } from './failures.js'
import { consuming } from './group.js'
import type { Link } from './link.js'
import type { Names } from './names.js'
import type { Settings } from './options.js'
import type { Record, Sent } from './outbox.js'
import type { Posting } from './posting.js'
import { requests } from './requests.js'
import { waits } from './settled.js'
import type { Driver } from './station.js'
import type { Topics, Wanted } from './topics.js'

/** How long requests are kept in topics that are created here, in milliseconds. */
const requestsKeptMs = 3_600_000
/** How often a reply is sent again, and how long after, in milliseconds. */
const replyTries = 5
const replyAgainMs = 200
/** Before topics are looked up again, in milliseconds. */
const lookAgainMs = 200

export interface Serving {
  readonly consumers: ReadonlyArray<{ readonly kept: KeptOpen<unknown>; readonly close: () => Promise<void> }>
  /** Makes or misses topics; resolves when every consumer is live. */
  readonly live: TaskEither<ConnectError, void>
  readonly stalled: NonNullable<Connection['stalled']>
  /** Nothing is handed out once it resolves. */
  readonly stop: () => Promise<void>
  /** Commits what is done, and forgets the rest. */
  readonly flush: () => Promise<void>
}

export const serving = <N extends string>(
  name: N,
  driver: Driver,
  settings: Settings,
  names: Names,
  environment: Environment,
  way: KeptOpen<Link>,
  known: Topics,
  { post }: Posting,
  subscriptions: ReadonlyArray<Subscription>,
  deliver: Deliver<KafkaContext<N>>,
): Serving => {
  const { clock, group, log } = environment
  let closed = false
  const writes = unwritten(clock)
  let replyPartitions = 1

  const write = (topic: string, record: Record, done: Sent): void => {
    post({ topic, create: true, acks: -1 }, () => record, done)
  }
  const reply = (partition: number, record: Record, tries = replyTries): void => {
    post(
      { topic: names.replies, create: false, partition, acks: 1 },
      () => record,
      (failed) => {
        if (failed === undefined || failed.error._tag === 'Closed') return
        if (failed.retryAfterMs === undefined || tries === 1 || closed)
          log(`${name}: a reply cannot be written: ${render(failed.error)}`)
        else
          clock.after(
            replyAgainMs,
            () => {
              reply(partition, record, tries - 1)
            },
            true,
          )
      },
    )
  }
  const some = (kind: Subscription['kind']): boolean => subscriptions.some((one) => one.kind === kind)
  const shared = { settings, name, names, environment, subscriptions, deliver }
  const hearing = some('event') ? events({ ...shared, write, writes }) : undefined
  const answering = some('message')
    ? requests({
        ...shared,
        replyPartitions: () => known.known(names.replies) ?? replyPartitions,
        reply,
      })
    : undefined
  const patterns = new Set(subscriptions.flatMap(({ kind, pattern }) => (kind === 'event' ? [pattern] : [])))
  const heard: ReadonlyArray<Wanted> = (hearing?.topics ?? []).map((topic) => ({ topic }))
  const answered: ReadonlyArray<Wanted> = (answering?.topics ?? []).map((topic) => ({
    topic,
    retentionMs: requestsKeptMs,
  }))
  const wanted: ReadonlyArray<Wanted> = [
    ...heard,
    ...[...patterns].map((pattern) => ({ topic: names.letters(pattern, group), partitions: 1 })),
    ...answered,
    ...(answering === undefined ? [] : [repliesWanted(names)]),
  ]
  const ensured =
    (all: ReadonlyArray<Wanted>): TaskEither<ConnectError, void> =>
    async () => {
      let told = false
      for (;;) {
        const opened = await way.opened()
        if (E.isLeft(opened)) return opened
        const result = await known.ensure(opened.right.admin, all)
        // n.b. while the connection is being lost, look again when it is back
        if (E.isRight(result) || result.left._tag !== 'TransportFailed' || closed) return result
        if (refusedForGood(result.left.cause)) return result
        if (!told) log(`${name}: ${render(result.left)}`)
        told = true
        await waits(clock, lookAgainMs)
      }
    }
  const consume = (work: Parameters<typeof consuming>[4]): ReturnType<typeof consuming> =>
    consuming(driver, settings, environment, way, work)
  const consumers: Array<ReturnType<typeof consuming>> = []

  return {
    consumers,
    live: async () => {
      const there = wanted.length === 0 ? E.right(undefined) : await ensured(wanted)()
      if (E.isLeft(there)) return there
      replyPartitions = known.known(names.replies) ?? 1
      if (hearing !== undefined)
        consumers.push(consume({ groupId: names.group(group), ensured: ensured(heard), ...hearing }))
      if (answering !== undefined)
        consumers.push(consume({ groupId: names.requestGroup(group), ensured: ensured(answered), ...answering }))
      return E.right(undefined)
    },
    stalled: writes.stalled,
    stop: async () => {
      hearing?.stop()
      await answering?.stop()
    },
    flush: async () => {
      closed = true
      await hearing?.flush()
      hearing?.close()
    },
  }
}

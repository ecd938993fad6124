/** A connection: what a service or a client has of Kafka. */
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { BehaviorSubject, type Subscription as Listening } from 'rxjs'
import type { Deliver } from '../../core/delivery.js'
import type { CallFailure, ConnectError } from '../../core/error.js'
import { freshId } from '../../core/clock.js'
import { render } from '../../core/render.js'
import { field } from '../broker/attributes.js'
import { writeDeadline } from '../broker/deadline.js'
import { closed, disconnected, failing, transportFailed } from '../broker/failing.js'
import { together, type KeptOpen } from '../broker/keep-open.js'
import { answerOf } from '../broker/reply.js'
import type { Answer, Cancel, Connection, Environment, Failing, Outgoing, Status, Subscription } from '../transport.js'
import type { KafkaContext } from './context.js'
import { events } from './events.js'
import { consuming } from './group.js'
import { link, type Link } from './link.js'
import { namesOf } from './names.js'
import type { Settings } from './options.js'
import { outbox, type Record, type Sent } from './outbox.js'
import { fieldsOfMessage, noFields, recordOf } from './record.js'
import { replies, type ReplyPath } from './replies.js'
import { requests } from './requests.js'
import { settled } from './settled.js'
import type { Driver } from './station.js'
import { topics, type Wanted } from './topics.js'

/** The largest body: what a broker takes by default, less what goes with it. */
export const maxMessageBytes = 921_600

/** How long requests and replies are kept in topics that are created here, in milliseconds. */
const requestsKeptMs = 3_600_000
const repliesKeptMs = 600_000
/** How long what is on its way may take when the connection closes, in milliseconds. */
const flushMs = 2_000
/** How often a reply is sent again, and how long after, in milliseconds. */
const replyTries = 5
const replyAgainMs = 200

const callFailure = (name: string, error: ConnectError): CallFailure =>
  error._tag === 'TopicMissing' || error._tag === 'TopologyMismatch'
    ? transportFailed(name, render(error), error)
    : error

export const connection = <N extends string>(
  name: N,
  driver: Driver,
  settings: Settings,
  environment: Environment,
): Connection<KafkaContext<N>> => {
  const { clock, random, group, log } = environment
  const names = namesOf(settings.prefix)
  const way = link(driver, settings, environment, names.replies)
  const known = topics(settings, clock)
  const status$ = new BehaviorSubject<Status>('connecting')
  const parts: Array<{ status: Status; readonly heard: Listening; readonly close: () => Promise<void> }> = []
  const pending = new Set<() => void>()
  const waitingForReplies = new Map<string, (answer: Answer) => void>()
  let stopIntake = (): Promise<void> => Promise.resolve()
  let settleAll = (): Promise<void> => Promise.resolve()
  let replyPath: ReturnType<typeof replies> | undefined
  let closing: Promise<void> | undefined

  const watch = (kept: KeptOpen<unknown>, close: () => Promise<void>): void => {
    const part = { status: 'connecting' as Status, heard: kept.status$.subscribe(), close }
    parts.push(part)
    part.heard.add(
      kept.status$.subscribe((status) => {
        part.status = status
        const all = together(parts.map((one) => one.status))
        if (closing === undefined && all !== 'closed' && all !== status$.value) status$.next(all)
      }),
    )
  }
  watch(way, way.close)

  const open = (): Promise<Link> =>
    new Promise((resolve, reject) => {
      way.whenOpen(resolve, (error) => {
        reject(new Error(render(error)))
      })
    })

  const box = outbox({
    name,
    random,
    ready: async () => void (await open()),
    send: async (topic, acks, messages) => {
      const { producer } = await open()
      return producer.sendBatch({
        acks,
        timeout: 10_000,
        topicMessages: [{ topic, messages: messages as Array<(typeof messages)[number]> }],
      })
    },
    stale: (topic) => {
      known.forget(topic)
      // n.b. a topic that is gone makes kafkajs refuse all others as well, until there is a new producer
      void open()
        .then(async (now) => {
          const found = await known.find(now.admin, topic, false)
          if (E.isRight(found) && found.right !== undefined) now.lost('its view of the topics is out of date')
          else now.lost(`the topic ${topic} is gone`)
        })
        .catch(() => undefined)
    },
  })

  /** Sends a record once the topic is known. The result gives up. */
  const post = (
    to: { readonly topic: string; readonly create: boolean; readonly partition?: number; readonly acks: -1 | 1 },
    missing: () => Failing,
    record: () => Record,
    done: Sent,
  ): Cancel => {
    const { topic, create, partition, acks } = to
    let over = false
    const end = (result: Failing | undefined): void => {
      if (over) return
      over = true
      done(result)
    }
    const put = (partitions: number): void => {
      if (over) return
      cancel = box.put({ topic, partitions, acks, ...(partition === undefined ? {} : { partition }) }, record(), end)
    }
    let cancel: Cancel = () => {
      stop()
      return 'no'
    }
    const stop = way.whenOpen(
      ({ admin }) => {
        const partitions = known.known(topic)
        if (partitions !== undefined) {
          put(partitions)
          return
        }
        cancel = () => 'no'
        void known.find(admin, topic, create).then((found) => {
          if (E.isLeft(found))
            end(
              found.left._tag === 'Unauthorized'
                ? failing(found.left)
                : { ...disconnected(false), error: callFailure(name, found.left) },
            )
          else if (found.right === undefined) end(missing())
          else put(found.right)
        })
      },
      (error) => {
        end(failing(callFailure(name, error)))
      },
    )
    return () => {
      if (over) return 'maybe'
      over = true
      return cancel()
    }
  }

  const absent = (topic: string) => (): Failing => failing(transportFailed(name, `the topic ${topic} does not exist`))

  /** Answers in a turn of its own, at most once, and as `Closed` when the connection closes first. */
  const call = (begin: (answer: (answer: Answer) => void) => Cancel, answer: (answer: Answer) => void): Cancel => {
    let over = false
    const finish = (given: Answer): void => {
      if (over) return
      over = true
      pending.delete(abandon)
      queueMicrotask(() => {
        answer(given)
      })
    }
    let withdraw: Cancel = () => 'no'
    const abandon = (): void => {
      finish(closed(withdraw()))
    }
    if (closing !== undefined) {
      finish(closed('no'))
      return () => 'no'
    }
    pending.add(abandon)
    withdraw = begin(finish)
    return () => {
      if (over) return 'maybe'
      over = true
      pending.delete(abandon)
      return withdraw()
    }
  }

  const publish = (message: Outgoing, answer: (answer: Answer) => void): Cancel => {
    const topic = names.events(message.pattern)
    return post(
      { topic, create: true, acks: -1 },
      absent(topic),
      () => recordOf(message, fieldsOfMessage(message, environment)),
      (result) => {
        answer(result ?? { _tag: 'Accepted' })
      },
    )
  }

  const openReplies = (): ReturnType<typeof replies> =>
    (replyPath ??= replies({
      driver,
      settings,
      names,
      environment,
      way,
      partitions: async () => {
        const opened = await way.opened()
        if (E.isLeft(opened)) return opened
        const { admin } = opened.right
        const ensured = await known.ensure(admin, [{ topic: names.replies, retentionMs: repliesKeptMs }])
        if (E.isLeft(ensured)) return ensured
        const found = await known.find(admin, names.replies, false)
        return E.isLeft(found) ? found : E.right(found.right ?? 1)
      },
      heard: (id, fields, body) => {
        const waiting = waitingForReplies.get(id)
        waitingForReplies.delete(id)
        waiting?.(answerOf(name, fields, body))
      },
    }))

  const request = (message: Outgoing, answer: (answer: Answer) => void): Cancel => {
    const topic = names.requests(message.pattern)
    const id = freshId(random)
    const askedAt = clock.now()
    const end = (given: Answer): void => {
      waitingForReplies.delete(id)
      answer(given)
    }
    const ask = ({ address }: ReplyPath): void => {
      waitingForReplies.set(id, end)
      const left = message.timeoutMs - (clock.now() - askedAt)
      const sent = post(
        { topic, create: false, acks: -1 },
        () => failing({ _tag: 'NoHandler', pattern: message.pattern }),
        () => {
          const headers = fieldsOfMessage(message, environment)
          headers[field.call] = id
          headers[field.replyTo] = address
          writeDeadline(headers, left, clock)
          return recordOf(message, headers)
        },
        (result) => {
          if (result !== undefined) end(result)
        },
      )
      cancel = () => {
        waitingForReplies.delete(id)
        return sent()
      }
    }
    let cancel: Cancel = () => {
      stop()
      return 'no'
    }
    const { kept } = openReplies()
    const stop = kept.whenOpen(ask, (error) => {
      // n.b. a topic that is missing may be there the next time
      if (replyPath?.kept === kept) replyPath = undefined
      end(failing(callFailure(name, error)))
    })
    return () => cancel()
  }

  const write = (topic: string, record: Record, done: Sent): void => {
    post({ topic, create: true, acks: -1 }, absent(topic), () => record, done)
  }
  const reply = (partition: number, record: Record, tries = replyTries): void => {
    post(
      { topic: names.replies, create: false, partition, acks: 1 },
      absent(names.replies),
      () => record,
      (result) => {
        if (result?.retryAfterMs !== undefined && tries > 1 && closing === undefined)
          clock.after(
            replyAgainMs,
            () => {
              reply(partition, record, tries - 1)
            },
            true,
          )
        else if (result !== undefined && result.error._tag !== 'Closed')
          log(`${name}: a reply cannot be written: ${render(result.error)}`)
      },
    )
  }

  const subscribe =
    (
      subscriptions: ReadonlyArray<Subscription>,
      deliver: Deliver<KafkaContext<N>>,
    ): TaskEither<ConnectError, () => Promise<void>> =>
    async () => {
      const some = (kind: Subscription['kind']): boolean => subscriptions.some((one) => one.kind === kind)
      const shared = { settings, name, names, environment, subscriptions, deliver }
      const hearing = some('event') ? events({ ...shared, write }) : undefined
      const answering = some('message')
        ? requests({
            ...shared,
            maxMessageBytes,
            replyPartitions: () => known.known(names.replies) ?? replyPartitions,
            reply: ({ partition }, record) => {
              reply(partition, record)
            },
          })
        : undefined
      const patterns = [...new Set(subscriptions.flatMap((one) => (one.kind === 'event' ? [one.pattern] : [])))]
      const wanted: ReadonlyArray<Wanted> = [
        ...(hearing?.topics ?? []).map((topic) => ({ topic })),
        ...patterns.map((pattern) => ({ topic: names.letters(pattern, group), partitions: 1 })),
        ...(answering?.topics ?? []).map((topic) => ({ topic, retentionMs: requestsKeptMs })),
        ...(answering === undefined ? [] : [{ topic: names.replies, retentionMs: repliesKeptMs }]),
      ]
      let replyPartitions = 1
      for (;;) {
        const opened = await way.opened()
        if (E.isLeft(opened)) return opened
        const { admin } = opened.right
        const ensured = wanted.length === 0 ? E.right(undefined) : await known.ensure(admin, wanted)
        replyPartitions = known.known(names.replies) ?? 1
        if (E.isRight(ensured)) break
        // n.b. while the connection is being lost, look again when it is back
        if (ensured.left._tag !== 'TransportFailed' || closing !== undefined) return ensured
        log(`${name}: ${render(ensured.left)}`)
        await settled(clock, new Promise<never>(() => undefined), replyAgainMs)
      }
      const consumers = [
        ...(hearing === undefined ? [] : [{ groupId: names.group(group), ...hearing }]),
        ...(answering === undefined ? [] : [{ groupId: names.requestGroup(group), ...answering }]),
      ].map((work) => consuming(driver, settings, environment, way, work))
      for (const { kept, close } of consumers) watch(kept, close)
      settleAll = async () => {
        await hearing?.flush()
        hearing?.close()
      }
      stopIntake = async () => {
        hearing?.stop()
        await answering?.stop()
      }
      const live = await Promise.all(consumers.map(({ kept }) => kept.opened()))
      return live.find(E.isLeft) ?? E.right(() => stopIntake())
    }

  const warm: TaskEither<ConnectError, void> = async () => {
    if (closing !== undefined) return E.left(transportFailed(name, 'the connection is closed'))
    const attempt = await way.attempt()
    if (E.isLeft(attempt)) return attempt
    const { kept } = openReplies()
    const path = await kept.attempt()
    if (E.isLeft(path) && replyPath?.kept === kept && path.left._tag === 'TopicMissing') replyPath = undefined
    return E.isLeft(path) ? path : E.right(undefined)
  }

  const shut = async (): Promise<void> => {
    for (const abandon of [...pending]) abandon()
    await stopIntake()
    // n.b. first what handlers left to be written, then what that lets be committed
    await settled(clock, box.idle(), flushMs)
    await settled(clock, settleAll(), flushMs)
    box.close()
    const others = parts.slice(1).map(({ close }) => close())
    await Promise.all([...others, replyPath?.close()])
    await way.close()
    for (const { heard } of parts) heard.unsubscribe()
    status$.next('closed')
    status$.complete()
  }

  return {
    subscribe,
    publish: (message, answer) => call((finish) => publish(message, finish), answer),
    request: (message, answer) => call((finish) => request(message, finish), answer),
    warm,
    status$: status$.asObservable(),
    address: () => O.none,
    close: () => (closing ??= shut()),
  }
}

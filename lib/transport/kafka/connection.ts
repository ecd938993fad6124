/** A connection: what a service or a client has of Kafka. */
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { BehaviorSubject, type Subscription as Listening } from 'rxjs'
import { closed, transportFailed } from '../broker/failing.js'
import { together, type KeptOpen } from '../broker/keep-open.js'
import type { Answer, Cancel, Connection, Environment, Outgoing, Status } from '../transport.js'
import { asking } from './asking.js'
import type { KafkaContext } from './context.js'
import { letters } from './letters.js'
import { link } from './link.js'
import { namesOf } from './names.js'
import type { Settings } from './options.js'
import { posting } from './posting.js'
import { fieldsOfMessages, recordOf } from './record.js'
import { serving, type Serving } from './serving.js'
import { settled } from './settled.js'
import type { Driver } from './station.js'
import { topics } from './topics.js'

/** How long what is on its way may take when the connection closes, in milliseconds. */
const flushMs = 1_000

export const connection = <N extends string>(
  name: N,
  driver: Driver,
  settings: Settings,
  environment: Environment,
): Connection<KafkaContext<N>> => {
  const { clock } = environment
  const names = namesOf(settings.prefix)
  const way = link(driver, settings, environment, names.replies)
  const known = topics(settings, clock)
  const posts = posting(name, environment, way, known)
  const asks = asking(driver, settings, names, environment, way, known, posts)
  const lying = letters(driver, settings, names, environment, way, known, posts)
  const fields = fieldsOfMessages(environment)
  const served: Array<Serving> = []
  const status$ = new BehaviorSubject<Status>('connecting')
  const statuses: Array<Status> = []
  const listening: Array<Listening> = []
  const pending = new Set<() => void>()
  let closing: Promise<void> | undefined

  const watch = ({ status$: changes }: KeptOpen<unknown>): void => {
    const index = statuses.push('connecting') - 1
    listening.push(
      changes.subscribe((status) => {
        statuses[index] = status
        const all = together(statuses)
        if (closing === undefined && all !== 'closed' && all !== status$.value) status$.next(all)
      }),
    )
  }
  watch(way)

  /** Answers in a turn of its own, at most once, and as `Closed` when the connection closes first. */
  const call = (begin: (answer: (answer: Answer) => void) => Cancel, answer: (answer: Answer) => void): Cancel => {
    let over = false
    let withdraw: Cancel = () => 'no'
    const finish = (given: Answer): void => {
      if (over) return
      over = true
      pending.delete(abandon)
      queueMicrotask(() => {
        answer(given)
      })
    }
    const abandon = (): void => {
      finish(closed(withdraw()))
    }
    if (closing === undefined) {
      pending.add(abandon)
      withdraw = begin(finish)
    } else finish(closed('no'))
    return () => {
      if (over) return 'maybe'
      over = true
      pending.delete(abandon)
      return withdraw()
    }
  }

  const publish = (message: Outgoing, answer: (answer: Answer) => void): Cancel =>
    posts.post(
      { topic: names.events(message.pattern), create: true, acks: -1 },
      () => recordOf(message, fields(message)),
      (failed) => {
        answer(failed ?? { _tag: 'Accepted' })
      },
    )

  const shut = async (): Promise<void> => {
    for (const abandon of [...pending]) abandon()
    lying.close()
    await Promise.all(served.map(({ stop }) => stop()))
    // n.b. first what handlers left to be written, then what that lets be committed
    await settled(clock, posts.box.idle(), flushMs)
    await settled(clock, Promise.all(served.map(({ flush }) => flush())), flushMs)
    posts.box.close()
    const consumers = served.flatMap((one) => one.consumers)
    await Promise.all([way.close(), asks.close(), ...consumers.map((one) => one.close())])
    for (const one of listening) one.unsubscribe()
    status$.next('closed')
    status$.complete()
  }

  return {
    subscribe: (subscriptions, deliver) => async () => {
      const one = serving(name, driver, settings, names, environment, way, known, posts, subscriptions, deliver)
      served.push(one)
      const begun = await one.live()
      if (E.isLeft(begun)) return begun
      // n.b. it may have been closed meanwhile
      if (closing !== undefined) {
        await Promise.all(one.consumers.map((consumer) => consumer.close()))
        return E.left(transportFailed(name, 'the connection is closed'))
      }
      for (const { kept } of one.consumers) watch(kept)
      const live = await Promise.all(one.consumers.map(({ kept }) => kept.opened()))
      return live.find(E.isLeft) ?? E.right(one.stop)
    },
    publish: (message, answer) => call((finish) => publish(message, finish), answer),
    request: (message, answer) => call((finish) => asks.request(message, finish), answer),
    warm: async () => {
      if (closing !== undefined) return E.left(transportFailed(name, 'the connection is closed'))
      const opened = await way.attempt()
      return E.isLeft(opened) ? opened : asks.warm()
    },
    status$: status$.asObservable(),
    address: () => O.none,
    letters: lying.stores,
    stalled: () => served.some((one) => one.stalled()),
    close: () => (closing ??= shut()),
  }
}

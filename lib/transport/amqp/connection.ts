/** A connection to RabbitMQ: one of the driver's to publish, and, for services, another one to consume. */
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { ReplaySubject, type Observable } from 'rxjs'
import type { Deliver } from '../../core/delivery.js'
import { closed, disconnected, failing } from '../broker/failing.js'
import { keepOpen, together, type KeptOpen } from '../broker/keep-open.js'
import type { Answer, Connection, Environment, Status, Subscription } from '../transport.js'
import { calls, unsendable, type Calls } from './calls.js'
import type { AmqpContext } from './context.js'
import { callFailure } from './errors.js'
import { eventConsumer } from './events.js'
import type { Consumer, House } from './house.js'
import { letterStore } from './letters.js'
import type { Settings } from './options.js'
import { eventWriter } from './outgoing.js'
import { outbox, type End, type Outbox } from './outbox.js'
import { inTurn, publishing, type Publishing } from './publishing.js'
import { requestConsumer } from './requests.js'
import { store } from './store.js'
import { atMost, openWire, type Driver, type Wire } from './wire.js'

/** How long a closing waits for confirms and for what handlers have left to be written, in milliseconds. */
const flushMs = 1_500

/** The limit that a full queue answers with is not known here. */
const refusedByBroker = { _tag: 'Overloaded', limit: 0 } as const

const answerOf = (name: string, pattern: string, end: End): Answer => {
  switch (end) {
    case 'confirmed':
      return { _tag: 'Accepted' }
    case 'returned':
      return failing({ _tag: 'NoHandler', pattern })
    case 'refused':
      // n.b. other queues may have taken it
      return failing(refusedByBroker, 'maybe')
    case 'lost':
      return disconnected(true)
    case 'unsent':
      return disconnected(false)
    case 'unsendable':
      return unsendable
    default:
      return failing(callFailure(name, end))
  }
}

const consuming = (driver: Driver, settings: Settings, env: Environment, abandon: AbortSignal): KeptOpen<Wire> => {
  const url = inTurn(settings.urls, env.random())
  return keepOpen<Wire>(env, settings.name, {
    what: `${settings.name}: the consuming connection`,
    open: (lost) =>
      openWire(driver, url(), settings, env, { purpose: 'consuming', lost, abandon, flows: () => undefined }),
    close: (wire) => wire.close(),
  })
}

export const connection = <N extends string>(
  driver: Driver,
  settings: Settings,
  env: Environment,
): Connection<AmqpContext<N>> => {
  const { name, prefix } = settings
  const write = eventWriter(prefix, env)
  const abandon = new AbortController()
  const status$ = new ReplaySubject<Status>(1)
  const latest: Array<Status> = []
  const consumers: Array<Consumer> = []
  let told: Status | undefined
  let consume: KeptOpen<Wire> | undefined
  let closing: Promise<void> | undefined

  const watch = (part: { readonly status$: Observable<Status> }): void => {
    const place = latest.push('connecting') - 1
    part.status$.subscribe((status) => {
      latest[place] = status
      const now = together(latest)
      if (closing !== undefined || now === told) return
      told = now
      status$.next(now)
    })
  }

  const publish: KeptOpen<Publishing> = publishing(driver, settings, env, abandon.signal, {
    flows: () => {
      out.flow()
      asked.flow()
    },
    eventReturned: (message) => {
      out.returned(message)
    },
    requestReturned: (message) => {
      asked.returned(message)
    },
    replied: (message) => {
      asked.replied(message)
    },
    repliesLost: () => {
      asked.lost()
    },
  })
  const out: Outbox = outbox(publish)
  const asked: Calls = calls(publish, settings, env)
  const copies = store(name, env, out)
  const emits = new Set<() => void>()
  watch(publish)

  const subscribe = async (subscriptions: ReadonlyArray<Subscription>, deliver: Deliver<AmqpContext<N>>) => {
    const link = (consume ??= consuming(driver, settings, env, abandon.signal))
    watch(link)
    const house: House<N> = { settings, env, link, store: copies, calls: asked, deliver }
    const own = subscriptions.map((one, index) =>
      one.kind === 'event' ? eventConsumer(house, index, one) : requestConsumer(house, index, one),
    )
    consumers.push(...own)
    for (const { intake } of own) watch(intake.kept)
    const opened = await Promise.all([publish.opened(), ...own.map(({ intake }) => intake.kept.opened())])
    const failed = opened.find(E.isLeft)
    if (failed !== undefined) return failed
    return E.right(async () => {
      await Promise.all(own.map((one) => one.stop()))
    })
  }

  const emit: Connection['publish'] = (message, answer) => {
    if (closing !== undefined) {
      answer(closed('no'))
      return () => 'no'
    }
    const end = (given: Answer): void => {
      emits.delete(abort)
      answer(given)
    }
    const abort = (): void => {
      end(closed(cancel()))
    }
    emits.add(abort)
    const cancel = out.send(write(message), (ended) => {
      end(answerOf(name, message.pattern, ended))
    })
    return () => {
      emits.delete(abort)
      return cancel()
    }
  }

  // n.b. in order: intake, what handlers have left, what callers wait for, and then the channels with their last acks
  const shut = async (): Promise<void> => {
    await atMost(env.clock, flushMs, Promise.all(consumers.map((one) => one.stop())))
    await atMost(env.clock, flushMs, Promise.all([copies.settled(), out.settled()]))
    copies.close()
    asked.close()
    for (const abort of [...emits]) abort()
    for (const one of consumers) one.close()
    abandon.abort()
    await Promise.all(consumers.map(({ intake }) => intake.quiet()))
    const intakes = Promise.all(consumers.map(({ intake }) => intake.kept.close()))
    await Promise.all([publish.close(), consume?.close(), intakes])
    status$.next('closed')
    status$.complete()
  }

  return {
    subscribe: (subscriptions, deliver) => () => subscribe(subscriptions, deliver),
    publish: emit,
    request: (message, answer) => {
      if (closing === undefined) return asked.request(message, answer)
      answer(closed('no'))
      return () => 'no'
    },
    warm: async () => {
      const attempt = await publish.attempt()
      return E.isLeft(attempt) ? attempt : E.right(undefined)
    },
    status$: status$.asObservable(),
    address: () => O.none,
    stalled: copies.stalled,
    letters: (sources) => sources.map((source) => letterStore(settings, env, publish, out, source)),
    close: () => (closing ??= shut()),
  }
}

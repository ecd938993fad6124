/** A connection: what one service or client has open at Redis, and how it begins and ends. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { ConnectError } from '../../core/error.js'
import type { Connection, Environment, Subscription } from '../transport.js'
import { transportFailed } from '../broker/failing.js'
import { atMost } from './at-most.js'
import { calling } from './calling.js'
import type { RedisContext } from './context.js'
import { callFailed, connectFailed, isAnswer } from './errors.js'
import { events, prepareEvents, type Events } from './events.js'
import { lasting } from './lasting.js'
import { letterStores } from './letters.js'
import { streamOf } from './keys.js'
import { links } from './link.js'
import type { Settings } from './options.js'
import { publishing } from './publishing.js'
import { prepareServing, serving, type Serving } from './serving.js'
import type { DeliverRedis, Shared, Target } from './shared.js'
import type { Driver, Wire } from './wire.js'

/** How long closing waits for writes that are under way, and then for what it leaves to others, in milliseconds. */
const flushMs = 3_000
const leaveMs = 1_000
/** Between attempts to subscribe while Redis says `not now`, in milliseconds. */
const againMs = 200

const byPattern = (targets: ReadonlyArray<Target>): ReadonlyArray<readonly [string, ReadonlyArray<Target>]> => {
  const all = new Map<string, Array<Target>>()
  for (const target of targets) {
    const { pattern } = target.subscription
    const same = all.get(pattern)
    if (same === undefined) all.set(pattern, [target])
    else same.push(target)
  }
  return [...all]
}

/** Begins to connect, and does not wait for it. */
export const connection = (
  driver: Driver,
  settings: Settings,
  env: Environment,
  maxMessageBytes: number,
): Connection<RedisContext<string>> => {
  const { clock } = env
  const { name } = settings
  const all = links(driver, settings, env)
  const commands = all.open('commands', 'the connection for commands')
  const writes = lasting(commands, name, env)
  const consumer = `${env.instance}.${name}`
  const shared: Shared = { settings, env, consumer, links: all, commands, lasting: writes }
  const emits = publishing(commands, settings, env)
  const calls = calling(shared)
  const heard: Array<Events> = []
  const answered: Array<Serving> = []
  let lost = 0
  let closing: Promise<void> | undefined

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      clock.after(ms, resolve)
    })

  // n.b. all at once: one turn of the connection, however many patterns there are
  const prepared = async (targets: ReadonlyArray<Target>): Promise<Either<ConnectError, void>> => {
    const of = (wanted: Subscription['kind']) =>
      byPattern(targets.filter(({ subscription }) => subscription.kind === wanted)).map(([pattern]) => pattern)
    for (;;) {
      const opened = await commands.opened()
      if (E.isLeft(opened)) return opened
      const wire = opened.right
      const tried = (pattern: string, work: Promise<unknown>) =>
        work.then(
          () => [],
          (error: unknown) => [{ pattern, error }],
        )
      const [failed] = (
        await Promise.all([
          ...of('event').map((pattern) => tried(pattern, prepareEvents(shared, wire, pattern))),
          ...of('message').map((pattern) => tried(pattern, prepareServing(shared, wire, pattern))),
        ])
      ).flat()
      if (failed === undefined) return E.right(undefined)
      const { pattern, error } = failed
      if (isAnswer(error) && callFailed(name, error).retryAfterMs === undefined)
        return E.left(connectFailed(name, `cannot subscribe to ${streamOf(settings.prefix, pattern)}`, error))
      await pause(againMs)
    }
  }

  const subscribe = async (
    subscriptions: ReadonlyArray<Subscription>,
    deliver: DeliverRedis,
  ): Promise<Either<ConnectError, Task<void>>> => {
    const targets = subscriptions.map((subscription, index): Target => ({ subscription, index, outstanding: 0 }))
    const ready = await prepared(targets)
    if (E.isLeft(ready)) return ready
    if (closing !== undefined) return E.left(transportFailed(name, 'the connection is closed'))
    for (const [pattern, same] of byPattern(targets.filter(({ subscription }) => subscription.kind === 'event')))
      heard.push(
        events(shared, pattern, same, deliver, maxMessageBytes, (count) => {
          lost += count
        }),
      )
    for (const target of targets.filter(({ subscription }) => subscription.kind === 'message'))
      answered.push(serving(shared, target.subscription.pattern, target, deliver, maxMessageBytes))
    for (const { reader } of [...heard, ...answered]) {
      const open = await reader.link.opened()
      if (E.isLeft(open)) return open
    }
    return E.right(stopIntake)
  }
  const stopIntake: Task<void> = async () => {
    await Promise.all([...heard, ...answered].map((one) => one.stop()))
  }

  const leave = (wire: Wire | undefined): Promise<void> =>
    atMost(clock, leaveMs, Promise.allSettled(heard.map((one) => one.leave(wire))))
  const close = async (): Promise<void> => {
    calls.close()
    emits.close()
    await stopIntake()
    for (const one of [...heard, ...answered]) one.flush()
    await writes.close(flushMs)
    await leave(commands.current())
    await all.close()
  }

  return {
    subscribe: (subscriptions, deliver) => () => subscribe(subscriptions, deliver),
    publish: emits.publish,
    request: calls.request,
    warm: async () => {
      const opened = await Promise.all([commands.attempt(), calls.replies().attempt()])
      return opened.find(E.isLeft) ?? E.right(undefined)
    },
    status$: all.status$,
    address: () => O.none,
    lost: () => lost,
    stalled: writes.stalled,
    letters: letterStores(shared),
    close: () => (closing ??= close()),
  }
}

/**
 * Events of a service: records are taken into the window of their partition as far as there is room, handed to the
 * endpoints, and committed up to the first that is not done.
 * n.b. kafkajs waits for a batch before it fetches anything again from the same broker, so a batch ends once its records
 * are taken, not when they are handled: a slow handler, a retry and a key that waits hold up nobody else.
 */
import type { EachBatchPayload, KafkaMessage } from 'kafkajs'
import type { Deliver } from '../../core/delivery.js'
import { field, numberOf } from '../broker/attributes.js'
import { reasonOf } from '../broker/failing.js'
import { noSuchEndpoint } from '../broker/letter.js'
import type { Subscription } from '../transport.js'
import { commits } from './commits.js'
import type { KafkaContext } from './context.js'
import { handing, type Endpoint, type Hands } from './handing.js'
import type { Member } from './member.js'
import type { Assigned } from './positions.js'
import { dueIn, fieldsOf, keyOf } from './record.js'
import { settling, type Settling } from './settling.js'
import { emptyWindow, finish, laneOf, placeOf, woken, type Entry, type Item, type Window } from './window.js'

/** Records of a partition from the first that is not done to the last that was taken. A crash repeats them, and what is not committed yet. */
const maxTaken = 500
/** Bytes of records that are not done, over all partitions. */
const maxBytes = 64 * 1_048_576
/** How long a batch waits for room before its partition is paused, in milliseconds. */
const batchMs = 1_000
/** How long handlers may finish before this member joins again, in milliseconds, and as a part of its session. */
const leavingMs = 15_000
const leavingPart = 0.5

export interface Eventing<N extends string> extends Pick<
  Settling,
  'settings' | 'names' | 'environment' | 'write' | 'writes'
> {
  readonly name: N
  readonly subscriptions: ReadonlyArray<Subscription>
  readonly deliver: Deliver<KafkaContext<N>>
}

export interface Events {
  readonly topics: ReadonlyArray<string>
  readonly fromEnd: (topic: string) => boolean
  readonly assigned: (all: ReadonlyArray<Assigned>, member: Member) => void
  readonly batch: (payload: EachBatchPayload) => Promise<void>
  readonly leaving: () => Promise<void>
  readonly reset: (topic: string, partition: number) => void
  /** Hands out nothing more; what is out may still be settled. */
  readonly stop: () => void
  /** Commits what is done. */
  readonly flush: () => Promise<void>
  /** Forgets every timer. */
  readonly close: () => void
}

export const events = <N extends string>(on: Eventing<N>): Events => {
  const { settings, names, environment, subscriptions } = on
  const { clock, log, group } = environment
  const wait = dueIn(clock)
  const endpoints = subscriptions.flatMap((subscription, index): ReadonlyArray<Endpoint> =>
    subscription.kind === 'event' ? [{ index, subscription, lanes: [], turn: 0, held: 0, giving: false }] : [],
  )
  const sources = new Map<string, ReadonlyArray<Endpoint>>()
  const retries = new Map<string, ReadonlyArray<Endpoint>>()
  for (const { subscription } of endpoints) {
    const all = endpoints.filter((one) => one.subscription.pattern === subscription.pattern)
    sources.set(names.events(subscription.pattern), all)
    retries.set(names.retry(subscription.pattern, group), all)
  }
  const heardBy = (topic: string): ReadonlyArray<Endpoint> => sources.get(topic) ?? retries.get(topic) ?? []
  const windows = new Map<string, Window>()
  const timers = new Set<() => void>()
  const had = new Set<string>()
  let taken = 0
  let stopped = false
  let closed = false
  let leaving = false
  let orphaned = false
  let member: Member | undefined

  const after = (ms: number, run: () => void): void => {
    if (closed) return
    const forget = clock.after(
      ms,
      () => {
        timers.delete(forget)
        run()
      },
      true,
    )
    timers.add(forget)
  }
  const committing = commits(settings.name, environment, () => windows.values())

  const room = (window: Window): boolean =>
    window.entries.size() === 0 || (window.entries.size() < maxTaken && taken < maxBytes)
  const fetching = (how: 'pause' | 'resume', window: Window): void => {
    window.paused = how === 'pause'
    try {
      member?.consumer[how]([{ topic: window.topic, partitions: [window.partition] }])
    } catch {
      // It is being restarted, and will join again.
    }
  }
  const done = (item: Item): void => {
    const { window } = item.entry
    if (window.lost) return
    const { done: before, bytes } = window
    finish(item)
    if (window.done === before) return
    taken -= bytes - window.bytes
    committing.soon()
    window.wake?.()
    if (window.paused && !stopped && window.entries.size() <= maxTaken / 2 && taken < maxBytes)
      fetching('resume', window)
  }
  const { settle, bury } = settling({ ...on, hands: () => hands, done, after })
  const hands: Hands = handing({ ...on, settle, open: () => !stopped && !leaving })

  /** For endpoints that a retry or a dead letter names and that are not there: a deployment may have renamed them. */
  const orphan = (entry: Entry, home: Endpoint): void => {
    const item: Item = {
      entry,
      lane: laneOf(entry.window, home.index),
      attempt: 1,
      firstFailedAt: undefined,
      leads: false,
    }
    const of = entry.fields[field.endpoint]
    if (!orphaned)
      log(`${settings.name}: what is for ${group}'s former endpoint ${JSON.stringify(of?.slice(0, 200))} is set aside`)
    orphaned = true
    bury(hands.hold(item, home), noSuchEndpoint(entry.fields, clock.unix()), undefined, of)
  }
  const take = (window: Window, message: KafkaMessage): void => {
    const fields = fieldsOf(message)
    const again = retries.get(window.topic)
    const all =
      again === undefined
        ? heardBy(window.topic)
        : again.filter(({ subscription }) => subscription.endpoint === fields[field.endpoint])
    const bytes = (message.value?.length ?? 0) + (message.key?.length ?? 0) + 500
    const entry: Entry = {
      offset: Number(message.offset),
      message,
      fields,
      key: keyOf(message.key),
      bytes,
      window,
      pending: Math.max(1, all.length),
    }
    window.next = entry.offset + 1
    window.bytes += bytes
    taken += bytes
    window.entries.push(entry)
    const waitMs = again === undefined ? 0 : wait(fields)
    for (const endpoint of all) {
      const item: Item = {
        entry,
        lane: laneOf(window, endpoint.index),
        attempt: again === undefined ? 1 : Math.max(1, numberOf(fields, field.attempt) ?? 1),
        firstFailedAt: again === undefined ? undefined : numberOf(fields, field.firstFailedAt),
        leads: false,
      }
      if (waitMs === 0) item.lane.queue.push(item)
      else
        after(waitMs, () => {
          item.lane.queue.push(item)
          hands.give(endpoint)
        })
    }
    if (all.length === 0 && again?.[0] !== undefined) orphan(entry, again[0])
  }

  const lose = (window: Window): void => {
    window.lost = true
    taken -= window.bytes
    windows.delete(placeOf(window))
    window.wake?.()
  }
  const begin = ({ topic, partition, offset }: Omit<Assigned, 'fresh'>): void => {
    windows.set(placeOf({ topic, partition }), emptyWindow(topic, partition, offset))
  }
  const relane = (): void => {
    for (const endpoint of endpoints) {
      endpoint.turn = 0
      endpoint.lanes = [...windows.values()]
        .filter(({ topic }) => heardBy(topic).includes(endpoint))
        .map((window) => laneOf(window, endpoint.index))
    }
  }

  return {
    topics: [...sources.keys(), ...retries.keys()],
    // n.b. one that this member has read before was deleted and made again: all that is in it is new
    fromEnd: (topic) => settings.startAt === 'end' && sources.has(topic) && !had.has(topic),
    assigned: (all, by) => {
      if (member !== by) committing.by(by.commit)
      member = by
      const mine = new Set(all.map(placeOf))
      for (const [place, window] of windows) if (!mine.has(place)) lose(window)
      for (const one of all) {
        had.add(one.topic)
        const before = windows.get(placeOf(one))
        // n.b. where the group stands elsewhere than this member left it, another one had the partition meanwhile
        if (before !== undefined && !one.fresh && before.committed === one.offset) before.paused = false
        else {
          if (before !== undefined) lose(before)
          begin(one)
        }
      }
      relane()
      leaving = false
      committing.hold(false)
      for (const window of windows.values()) {
        if (window.done !== window.committed) committing.soon()
        if (stopped) fetching('pause', window)
      }
      endpoints.forEach(hands.give)
    },
    batch: async (payload) => {
      const { batch } = payload
      committing.by((offsets) => payload.commitOffsetsIfNecessary(offsets))
      const window = windows.get(placeOf(batch))
      if (window === undefined) return
      const all = heardBy(batch.topic)
      const until = clock.now() + batchMs
      const ended = (): boolean => window.lost || stopped || leaving
      const over = (): boolean => ended() || !payload.isRunning() || payload.isStale()
      // n.b. kafkajs is asked again after each wait only: nothing of it changes in between, and it makes text of its answer
      let gone = over()
      let last: string | undefined
      try {
        for (const message of batch.messages) {
          if (gone || ended()) break
          // n.b. after a join it comes from the committed position again, and this process may have it
          if (Number(message.offset) >= window.next) {
            while (!room(window) && clock.now() < until && !over()) {
              all.forEach(hands.give)
              if (!room(window)) await woken(window, clock, until - clock.now())
              gone = over()
            }
            if (gone || ended()) break
            if (!room(window)) {
              fetching('pause', window)
              break
            }
            take(window, message)
          }
          last = message.offset
        }
        if (last !== undefined && !window.lost && !leaving) payload.resolveOffset(last)
      } catch (cause) {
        log(`${settings.name}: a batch was given up: ${reasonOf(cause)}`)
      }
      all.forEach(hands.give)
    },
    leaving: async () => {
      leaving = true
      committing.hold(true)
      for (const window of windows.values()) window.wake?.()
      await new Promise<void>((resolve) => {
        const longest = Math.min(leavingMs, leavingPart * (settings.consumer.sessionTimeout ?? leavingMs))
        const forget = clock.after(longest, () => {
          quit()
          resolve()
        })
        const quit = hands.whenEmpty(() => {
          forget()
          resolve()
        })
      })
      await committing.flush()
    },
    reset: (topic, partition) => {
      const window = windows.get(placeOf({ topic, partition }))
      if (window === undefined) return
      lose(window)
      begin({ topic, partition, offset: 0 })
      relane()
    },
    stop: () => {
      stopped = true
      for (const window of windows.values()) {
        fetching('pause', window)
        window.wake?.()
      }
    },
    flush: committing.flush,
    close: () => {
      stopped = true
      closed = true
      committing.close()
      for (const forget of timers) forget()
      timers.clear()
    },
  }
}

/**
 * Events of a service: records are taken into the window of their partition as far as there is room, handed to the
 * endpoints, and committed up to the first that is not done.
 * n.b. kafkajs waits for a batch before it fetches anything again from the same broker, so a batch ends once its records
 * are taken, not when they are handled: a slow handler, a retry and a key that waits hold up nobody else.
 */
import * as O from 'fp-ts/lib/Option.js'
import type { EachBatchPayload, KafkaMessage } from 'kafkajs'
import { makeContext } from '../../core/context.js'
import type { Deliver, Withdraw } from '../../core/delivery.js'
import type { Settlement } from '../../core/settlement.js'
import { field, headersOf, numberOf } from '../broker/attributes.js'
import { reasonOf } from '../broker/failing.js'
import type { Environment, Subscription } from '../transport.js'
import type { KafkaContext } from './context.js'
import { typeOf } from './failures.js'
import type { Assigned } from './group.js'
import type { Member } from './member.js'
import type { Names } from './names.js'
import type { Settings } from './options.js'
import type { Record, Sent } from './outbox.js'
import { bodyOf, described, dueIn, fieldsOf, keyOf } from './record.js'
import { letterRecord, originOf, retryRecord } from './retry.js'
import {
  emptyWindow,
  finish,
  laneOf,
  nextOf,
  putBack,
  type Entry,
  type Item,
  type Lane,
  type Window,
} from './window.js'

/** Records of a partition from the first that is not done to the last that was taken; a crash repeats at most so many. */
const maxTaken = 500
/** Bytes of records that are not done, over all partitions. */
const maxBytes = 64 * 1_048_576
/** How long a batch waits for room before its partition is paused, in milliseconds. */
const batchMs = 1_000
/** Commits: at the latest after so many milliseconds, or so many records. */
const commitMs = 500
const commitRecords = 500
/** How long handlers may finish before this member joins again, in milliseconds. Within kafkajs' session of 30 s. */
const leavingMs = 15_000
/** A retry that waits in this process holds up its partition: no longer than so many milliseconds. */
const longestDelayMs = 10_000
/** After `Refuse`, in milliseconds. */
const restMs = 100
/** Between attempts at writing to the service's own topics, in milliseconds. */
const firstBackOffMs = 100
const lastBackOffMs = 10_000

/** An event endpoint. */
interface Endpoint {
  readonly index: number
  readonly subscription: Subscription
  /** Lanes of the partitions that this member has, and whose turn it is. */
  lanes: ReadonlyArray<Lane>
  turn: number
  held: number
  giving: boolean
}

interface Held {
  readonly item: Item
  withdraw: Withdraw | undefined
}

export interface Eventing<N extends string> {
  readonly settings: Settings
  readonly name: N
  readonly names: Names
  readonly environment: Environment
  readonly subscriptions: ReadonlyArray<Subscription>
  readonly deliver: Deliver<KafkaContext<N>>
  /** Writes to a topic of the service. */
  readonly write: (topic: string, record: Record, done: Sent) => void
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

const placeOf = (topic: string, partition: number): string => `${topic}/${String(partition)}`

const rebalancing: ReadonlySet<unknown> = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
])

export const events = <N extends string>(on: Eventing<N>): Events => {
  const { settings, names, environment, deliver, write } = on
  const { clock, log, group } = environment
  const endpoints: ReadonlyArray<Endpoint> = on.subscriptions.flatMap((subscription, index) =>
    subscription.kind === 'event' ? [{ index, subscription, lanes: [], turn: 0, held: 0, giving: false }] : [],
  )
  const byIndex = new Map(endpoints.map((one) => [one.index, one]))
  const sources = new Map<string, ReadonlyArray<Endpoint>>()
  const retries = new Map<string, ReadonlyArray<Endpoint>>()
  for (const { subscription } of endpoints) {
    const all = endpoints.filter((one) => one.subscription.pattern === subscription.pattern)
    sources.set(names.events(subscription.pattern), all)
    retries.set(names.retry(subscription.pattern, group), all)
  }
  const windows = new Map<string, Window>()
  const out = new Set<Held>()
  const timers = new Set<() => void>()
  let taken = 0
  let stopped = false
  let leaving = false
  let member: Member | undefined
  let commitTo: EachBatchPayload['commitOffsetsIfNecessary'] | undefined
  let uncommitted = 0
  let committing: Promise<void> | undefined
  let commitDue: (() => void) | undefined
  let commitFailed = false
  let emptied: (() => void) | undefined

  const after = (ms: number, run: () => void): void => {
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

  // ---- commits

  const commit = async (): Promise<void> => {
    const due = [...windows.values()].flatMap((window) =>
      window.done === undefined || window.done === window.committed ? [] : [{ window, offset: window.done }],
    )
    uncommitted = 0
    if (due.length === 0 || commitTo === undefined) return
    const topics = [...new Set(due.map(({ window }) => window.topic))].map((topic) => ({
      topic,
      partitions: due
        .filter(({ window }) => window.topic === topic)
        .map(({ window, offset }) => ({ partition: window.partition, offset: String(offset) })),
    }))
    try {
      await commitTo({ topics })
      for (const { window, offset } of due) window.committed = offset
      commitFailed = false
    } catch (cause) {
      // n.b. a member that joins again finds out by itself, and another commit follows in any case
      if (!commitFailed && !rebalancing.has(typeOf(cause)))
        log(`${settings.name}: cannot commit, trying again: ${reasonOf(cause)}`)
      commitFailed = true
      commitSoon()
    }
  }
  const flush = (): Promise<void> => {
    commitDue?.()
    commitDue = undefined
    const before = committing ?? Promise.resolve()
    const own = before.then(commit).finally(() => {
      if (committing === own) committing = undefined
    })
    committing = own
    return own
  }
  const commitSoon = (): void => {
    uncommitted += 1
    if (leaving) return
    if (uncommitted >= commitRecords && committing === undefined) void flush()
    else
      commitDue ??= clock.after(
        commitMs,
        () => {
          commitDue = undefined
          // n.b. while it joins again, what it had may be another member's
          if (!leaving) void flush()
        },
        true,
      )
  }

  // ---- room

  const room = (window: Window): boolean =>
    window.entries.size() === 0 || (window.entries.size() < maxTaken && taken < maxBytes)

  const pause = (window: Window): void => {
    window.paused = true
    try {
      member?.consumer.pause([{ topic: window.topic, partitions: [window.partition] }])
    } catch {
      // It is being restarted, and will join again.
    }
  }
  const resume = (window: Window): void => {
    window.paused = false
    try {
      member?.consumer.resume([{ topic: window.topic, partitions: [window.partition] }])
    } catch {
      // As above.
    }
  }
  const roomier = (window: Window): void => {
    window.wake?.()
    if (window.paused && window.entries.size() <= maxTaken / 2 && taken < maxBytes) resume(window)
  }

  // ---- settlements

  const done = (item: Item): void => {
    const { window } = item.entry
    const before = window.done
    const bytes = window.bytes
    finish(item)
    taken -= bytes - window.bytes
    if (window.done !== before) {
      commitSoon()
      roomier(window)
    }
  }
  const returned = (held: Held): void => {
    out.delete(held)
    const endpoint = byIndex.get(held.item.lane.endpoint)
    if (endpoint !== undefined) endpoint.held -= 1
    if (out.size === 0) emptied?.()
  }
  const goOn = ({ lane }: Item): void => {
    const endpoint = byIndex.get(lane.endpoint)
    if (endpoint !== undefined) give(endpoint)
  }
  /** Comes again in so long; its endpoint gets nothing else of the partition until then. */
  const later = (item: Item, ms: number): void => {
    const { lane } = item
    lane.holds += 1
    after(ms, () => {
      lane.holds -= 1
      putBack(item)
      goOn(item)
    })
  }

  /** Writes until it is written: what is given up on, or put off, is acknowledged only then. */
  const persist = (
    held: Held,
    topic: string,
    what: string,
    record: (body: boolean) => Record,
    backOffMs = firstBackOffMs,
    body = true,
  ): void => {
    const { item } = held
    const { lane } = item
    if (lane.window.lost) {
      returned(held)
      return
    }
    write(topic, record(body), (failing) => {
      if (failing === undefined) {
        returned(held)
        done(item)
        goOn(item)
        return
      }
      if (failing.error._tag === 'MessageTooLarge' && body) {
        persist(held, topic, what, record, backOffMs, false)
        return
      }
      if (backOffMs === firstBackOffMs)
        log(`${settings.name}: cannot write ${what} to ${topic}, trying again: ${failing.error._tag}`)
      lane.holds += 1
      after(backOffMs, () => {
        lane.holds -= 1
        persist(held, topic, what, record, Math.min(2 * backOffMs, lastBackOffMs))
      })
    })
  }

  const settle = (held: Held, settlement: Settlement): void => {
    const { item } = held
    const { entry, lane } = item
    const endpoint = byIndex.get(lane.endpoint)
    if (entry.window.lost || endpoint === undefined) {
      returned(held)
      if (endpoint !== undefined) give(endpoint)
      return
    }
    const { pattern } = endpoint.subscription
    switch (settlement._tag) {
      case 'Ack':
      case 'Reply':
      case 'Fail':
        returned(held)
        done(item)
        break
      case 'Refuse':
        returned(held)
        if (settlement.because === 'overloaded') later(item, restMs)
        else item.leads = true
        break
      case 'Retry': {
        const { attempt, delayMs, reason } = settlement
        item.attempt = attempt
        item.firstFailedAt = reason.firstFailedAt
        if (settings.retryTopics)
          persist(held, names.retry(pattern, group), 'a retry', () =>
            retryRecord(item, endpoint.subscription.endpoint, delayMs, environment),
          )
        else {
          returned(held)
          later(item, Math.min(delayMs, longestDelayMs))
        }
        break
      }
      case 'DeadLetter': {
        const topic = settlement.to === undefined ? names.letters(pattern, group) : names.events(settlement.to)
        const lying = { messageId: idOf(entry), pattern, endpoint: endpoint.subscription.endpoint }
        persist(held, topic, 'a dead letter', (body) => letterRecord(item, settlement.reason, lying, body, environment))
      }
    }
    give(endpoint)
  }

  // ---- hand-out

  const idOf = ({ fields, message, window }: Entry): string =>
    described(fields).id ?? originOf(fields, window.topic, window.partition, message.offset)

  const contextOf = ({ attempt, entry }: Item, pattern: string): KafkaContext<N> => {
    const { fields, message, window, key } = entry
    const { correlationId, causationId } = described(fields)
    const messageId = idOf(entry)
    const origin = fields[field.origin]?.split('/')
    const [topic, partition, offset] =
      origin?.length === 3 ? origin : [window.topic, String(window.partition), message.offset]
    return makeContext({
      transport: 'kafka' as const,
      name: on.name,
      pattern,
      messageId,
      correlationId: correlationId ?? messageId,
      causationId: O.fromNullable(causationId),
      headers: headersOf(fields),
      attempt,
      deadline: O.none,
      topic: topic ?? window.topic,
      partition: Number(partition),
      offset: offset ?? message.offset,
      key: O.fromNullable(key),
      timestamp: Number(message.timestamp),
    })
  }

  // n.b. not re-entrant: a settlement may come before `deliver` returns, and a long queue would overflow the stack
  const give = (endpoint: Endpoint): void => {
    if (endpoint.giving) return
    endpoint.giving = true
    const { index, subscription } = endpoint
    let passed = 0
    while (!stopped && !leaving && endpoint.held < subscription.window && passed < endpoint.lanes.length) {
      endpoint.turn = (endpoint.turn + 1) % endpoint.lanes.length
      const lane = endpoint.lanes[endpoint.turn]
      const item = lane === undefined ? undefined : nextOf(lane)
      if (item === undefined) {
        passed += 1
        continue
      }
      passed = 0
      endpoint.held += 1
      const held: Held = { item, withdraw: undefined }
      out.add(held)
      let heard = false
      held.withdraw = deliver(
        {
          subscription: index,
          context: contextOf(item, subscription.pattern),
          body: bodyOf(item.entry.message),
          key: item.entry.key,
          firstFailedAt: item.firstFailedAt,
          admitted: undefined,
        },
        (settlement) => {
          if (heard) return
          heard = true
          settle(held, settlement)
        },
      )
    }
    endpoint.giving = false
  }

  const take = (window: Window, message: KafkaMessage): void => {
    const fields = fieldsOf(message)
    const heard = sources.get(window.topic)
    const named = fields[field.endpoint]
    const all = heard ?? (retries.get(window.topic) ?? []).filter((one) => one.subscription.endpoint === named)
    const bytes = (message.value?.length ?? 0) + (message.key?.length ?? 0) + 500
    const entry: Entry = {
      offset: Number(message.offset),
      message,
      fields,
      key: keyOf(message.key),
      bytes,
      window,
      pending: all.length,
    }
    window.next = entry.offset + 1
    window.bytes += bytes
    taken += bytes
    window.entries.push(entry)
    const wait = heard === undefined ? dueIn(fields, clock) : 0
    for (const { index } of all) {
      const item: Item = {
        entry,
        lane: laneOf(window, index),
        attempt: heard === undefined ? Math.max(1, numberOf(fields, field.attempt) ?? 1) : 1,
        firstFailedAt: heard === undefined ? numberOf(fields, field.firstFailedAt) : undefined,
        leads: false,
      }
      if (wait === 0) item.lane.queue.push(item)
      else
        after(wait, () => {
          item.lane.queue.push(item)
          goOn(item)
        })
    }
    if (all.length > 0) return
    log(
      `${settings.name}: ${window.topic} holds a record for an endpoint that is not there: ${String(named).slice(0, 100)}`,
    )
    // n.b. nobody else can take it, and it must not stand in the way
    const before = window.bytes
    finish({ entry, lane: laneOf(window, -1), attempt: 1, firstFailedAt: undefined, leads: false })
    taken -= before - window.bytes
    commitSoon()
  }

  const roomWithin = (window: Window, ms: number): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        forget()
        window.wake = undefined
        resolve()
      }
      const forget = clock.after(ms, end)
      window.wake = end
    })

  const lose = (window: Window): void => {
    window.lost = true
    taken -= window.bytes
    windows.delete(placeOf(window.topic, window.partition))
    window.wake?.()
  }
  const relane = (): void => {
    for (const endpoint of endpoints) {
      const own = (topic: string): boolean =>
        (sources.get(topic) ?? retries.get(topic) ?? []).some(({ index }) => index === endpoint.index)
      endpoint.lanes = [...windows.values()].filter(({ topic }) => own(topic)).map((one) => laneOf(one, endpoint.index))
      endpoint.turn = 0
    }
  }

  return {
    topics: [...sources.keys(), ...retries.keys()],
    fromEnd: (topic) => settings.startAt === 'end' && sources.has(topic),
    assigned: (all, by) => {
      member = by
      const mine = new Set(all.map(({ topic, partition }) => placeOf(topic, partition)))
      for (const [place, window] of windows) if (!mine.has(place)) lose(window)
      for (const { topic, partition, offset } of all) {
        const before = windows.get(placeOf(topic, partition))
        // n.b. where the group stands elsewhere than this member left it, another one had the partition meanwhile
        if (before !== undefined && before.committed === offset) {
          before.paused = false
          continue
        }
        if (before !== undefined) lose(before)
        windows.set(placeOf(topic, partition), emptyWindow(topic, partition, offset))
      }
      relane()
      leaving = false
      for (const window of windows.values()) if (window.done !== window.committed) commitSoon()
      endpoints.forEach(give)
    },
    batch: async (payload) => {
      const { batch, isRunning, isStale } = payload
      commitTo = payload.commitOffsetsIfNecessary
      const window = windows.get(placeOf(batch.topic, batch.partition))
      const all = sources.get(batch.topic) ?? retries.get(batch.topic) ?? []
      const until = clock.now() + batchMs
      const over = (): boolean => window === undefined || window.lost || stopped || leaving || !isRunning() || isStale()
      let last: string | undefined
      try {
        for (const message of batch.messages) {
          if (window === undefined || over()) break
          // n.b. after a join it comes from the committed position again, and this process may have it
          if (Number(message.offset) >= window.next) {
            while (!room(window) && clock.now() < until && !over()) {
              all.forEach(give)
              if (!room(window)) await roomWithin(window, until - clock.now())
            }
            if (over()) break
            if (!room(window)) {
              pause(window)
              break
            }
            take(window, message)
          }
          last = message.offset
        }
        if (last !== undefined && window?.lost === false && !leaving) payload.resolveOffset(last)
      } catch (cause) {
        log(`${settings.name}: a batch was given up: ${reasonOf(cause)}`)
      }
      all.forEach(give)
    },
    leaving: async () => {
      leaving = true
      for (const window of windows.values()) window.wake?.()
      for (const { withdraw } of [...out]) withdraw?.()
      if (out.size > 0)
        await new Promise<void>((resolve) => {
          const forget = clock.after(leavingMs, resolve)
          emptied = () => {
            forget()
            resolve()
          }
        })
      emptied = undefined
      await flush()
    },
    reset: (topic, partition) => {
      const window = windows.get(placeOf(topic, partition))
      if (window === undefined) return
      lose(window)
      windows.set(placeOf(topic, partition), emptyWindow(topic, partition, undefined))
      relane()
    },
    stop: () => {
      stopped = true
      for (const window of windows.values()) {
        pause(window)
        window.wake?.()
      }
    },
    flush,
    close: () => {
      stopped = true
      commitDue?.()
      commitDue = undefined
      for (const forget of timers) forget()
      timers.clear()
    },
  }
}

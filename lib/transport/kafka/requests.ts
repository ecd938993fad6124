/**
 * Requests of a service: each is committed before it runs, so that it never runs again; what was committed and is not
 * started when the service stops is answered as not processed.
 */
import * as O from 'fp-ts/lib/Option.js'
import type { EachBatchPayload, KafkaMessage } from 'kafkajs'
import { makeContext } from '../../core/context.js'
import type { Deliver } from '../../core/delivery.js'
import { line, type Line } from '../../core/line.js'
import type { Settlement } from '../../core/settlement.js'
import { headersOf } from '../broker/attributes.js'
import { reasonOf } from '../broker/failing.js'
import { requestOf, writeAnswer } from '../broker/addressed.js'
import { replyOf } from '../broker/reply.js'
import type { Environment, Subscription } from '../transport.js'
import { claims } from './claims.js'
import type { KafkaContext } from './context.js'
import type { Member } from './member.js'
import { replyToOf, type Names } from './names.js'
import { maxMessageBytes, type Settings } from './options.js'
import type { Record } from './outbox.js'
import type { Assigned } from './positions.js'
import { bodyOf, described, fieldsOf, keyOf, noFields, valueOf } from './record.js'
import { settled } from './settled.js'
import { placeOf } from './window.js'

/** How long a batch waits for room before its partition is paused, in milliseconds. */
const batchMs = 1_000
/** How long `stop` waits for a commit that is under way, in milliseconds. */
const stopMs = 2_000

interface Endpoint {
  readonly index: number
  readonly subscription: Subscription
  /** Unsettled: committed, or being committed. */
  held: number
  /** Of those, handed out. */
  running: number
  /** Committed, and not handed out. */
  readonly claimed: Line<Request>
  giving: boolean
  readonly waiting: Set<() => void>
  readonly paused: Set<Place>
}

/** A partition, and the first offset of it that was not taken. */
interface Place {
  readonly topic: string
  readonly partition: number
  next: number
}

interface Request {
  readonly partition: number
  readonly message: KafkaMessage
}

export interface Requesting<N extends string> {
  readonly settings: Settings
  readonly name: N
  readonly names: Names
  readonly environment: Environment
  readonly subscriptions: ReadonlyArray<Subscription>
  readonly deliver: Deliver<KafkaContext<N>>
  /** How many partitions the topic of replies has. */
  readonly replyPartitions: () => number
  /** Writes a reply to this partition of the topic of replies. */
  readonly reply: (partition: number, record: Record) => void
}

export interface Requests {
  readonly topics: ReadonlyArray<string>
  readonly fromEnd: (topic: string) => boolean
  readonly assigned: (all: ReadonlyArray<Assigned>, member: Member) => void
  readonly batch: (payload: EachBatchPayload) => Promise<void>
  readonly leaving: () => Promise<void>
  readonly reset: (topic: string, partition: number) => void
  /** Resolves when nothing more will be handed out. */
  readonly stop: () => Promise<void>
}

export const requests = <N extends string>(on: Requesting<N>): Requests => {
  const { settings, names, environment, deliver, reply } = on
  const { clock, log } = environment
  const endpoints = new Map<string, Endpoint>()
  on.subscriptions.forEach((subscription, index) => {
    if (subscription.kind === 'message')
      endpoints.set(names.requests(subscription.pattern), {
        index,
        subscription,
        held: 0,
        running: 0,
        claimed: line(),
        giving: false,
        waiting: new Set(),
        paused: new Set(),
      })
  })
  const places = new Map<string, Place>()
  const claiming = claims()
  let member: Member | undefined
  let stopped = false
  let leaving = false
  let complained = false

  // n.b. as many again as run may be committed and wait: a fetch that is committed in pieces is answered in pieces, and they
  // go round one by one for as long as the load lasts, which at 64 in flight takes half of the throughput. A partition has
  // one reader, so what waits is kept from no other replica.
  const room = ({ held, subscription: { window, concurrency } }: Endpoint): number => window + concurrency - held
  const roomWithin = (endpoint: Endpoint, ms: number): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        forget()
        endpoint.waiting.delete(end)
        resolve()
      }
      const forget = clock.after(ms, end)
      endpoint.waiting.add(end)
    })
  const fetching = (how: 'pause' | 'resume', { topic, partition }: Place): void => {
    try {
      member?.consumer[how]([{ topic, partitions: [partition] }])
    } catch {
      // It is being restarted, and joins again.
    }
  }
  const free = (endpoint: Endpoint): void => {
    endpoint.held -= 1
    for (const wake of endpoint.waiting) wake()
    if (endpoint.paused.size === 0) return
    for (const place of endpoint.paused) fetching('resume', place)
    endpoint.paused.clear()
  }

  const start = (endpoint: Endpoint, topic: string, { partition, message }: Request): void => {
    const fields = fieldsOf(message)
    const { correlationId, causationId, id } = described(fields)
    const { call, replyTo, deadline } = requestOf(fields, clock)
    const to = replyToOf(replyTo, names.replies, on.replyPartitions())
    if (to === undefined || call === '' || call.length > 100) {
      if (!complained) log(`${settings.name}: a request in ${topic} has no address for its reply, and is not run`)
      complained = true
      free(endpoint)
      return
    }
    const answer = (settlement: Settlement): void => {
      const answered = replyOf(settlement, maxMessageBytes)
      const headers = noFields()
      writeAnswer(headers, call, answered)
      reply(to, { key: null, value: valueOf(answered.body), headers })
    }
    // n.b. one that has expired is refused by the runtime: the answer costs little, and clocks differ
    if (stopped) {
      answer({ _tag: 'Refuse', because: 'draining', limit: 0 })
      free(endpoint)
      return
    }
    const body = bodyOf(message)
    if (body.length > maxMessageBytes) {
      answer({ _tag: 'Fail', failure: { _tag: 'MessageTooLarge', limitBytes: maxMessageBytes } })
      free(endpoint)
      return
    }
    endpoint.running += 1
    let heard = false
    const messageId = id ?? call
    const key = keyOf(message.key)
    deliver(
      {
        subscription: endpoint.index,
        context: makeContext({
          transport: 'kafka' as const,
          name: on.name,
          pattern: endpoint.subscription.pattern,
          messageId,
          correlationId: correlationId ?? messageId,
          causationId: O.fromNullable(causationId),
          headers: headersOf(fields),
          attempt: 1,
          deadline,
          topic,
          partition,
          offset: message.offset,
          key: O.fromNullable(key),
          timestamp: Number(message.timestamp),
        }),
        body,
        identified: id !== undefined,
        key,
        firstFailedAt: undefined,
        admitted: undefined,
      },
      (settlement) => {
        if (heard) return
        heard = true
        answer(settlement)
        endpoint.running -= 1
        free(endpoint)
        give(endpoint, topic)
      },
    )
  }
  // n.b. not re-entrant: a settlement may come before `deliver` returns, and a long line would overflow the stack
  const give = (endpoint: Endpoint, topic: string): void => {
    if (endpoint.giving) return
    endpoint.giving = true
    while (stopped || endpoint.running < endpoint.subscription.window) {
      const next = endpoint.claimed.shift()
      if (next === undefined) break
      start(endpoint, topic, next)
    }
    endpoint.giving = false
  }

  return {
    topics: [...endpoints.keys()],
    // n.b. those before the first start have callers that were told nobody is there, or gave up
    fromEnd: () => true,
    assigned: (all, by) => {
      member = by
      leaving = false
      places.clear()
      for (const one of endpoints.values()) one.paused.clear()
      for (const { topic, partition, offset } of all)
        places.set(placeOf({ topic, partition }), { topic, partition, next: offset })
    },
    batch: async (payload) => {
      const { batch } = payload
      const { topic, partition } = batch
      const endpoint = endpoints.get(topic)
      const place = places.get(placeOf({ topic, partition }))
      if (endpoint === undefined || place === undefined) return
      const until = clock.now() + batchMs
      const over = (): boolean =>
        stopped ||
        leaving ||
        !payload.isRunning() ||
        payload.isStale() ||
        places.get(placeOf({ topic, partition })) !== place
      let rest = batch.messages.filter(({ offset }) => Number(offset) >= place.next)
      try {
        while (rest.length > 0) {
          while (room(endpoint) <= 0 && clock.now() < until && !over()) await roomWithin(endpoint, until - clock.now())
          if (over()) return
          const own = rest.slice(0, Math.max(0, room(endpoint)))
          const last = own.at(-1)
          if (last === undefined) {
            endpoint.paused.add(place)
            fetching('pause', place)
            return
          }
          // n.b. held from now on, so that no other partition takes the same room
          endpoint.held += own.length
          const next = Number(last.offset) + 1
          try {
            await claiming.claim(topic, partition, next, (offsets) => payload.commitOffsetsIfNecessary(offsets))
            place.next = next
            if (places.get(placeOf({ topic, partition })) === place) payload.resolveOffset(last.offset)
          } catch (cause) {
            endpoint.held -= own.length
            throw cause
          }
          for (const message of own) endpoint.claimed.push({ partition, message })
          give(endpoint, topic)
          rest = rest.slice(own.length)
        }
        const final = batch.messages.at(-1)
        if (final !== undefined && !over()) payload.resolveOffset(final.offset)
      } catch (cause) {
        // Not committed, so not run; a member that joins again gets it, or another one does.
        if (payload.isRunning() && !leaving)
          log(`${settings.name}: requests in ${topic} cannot be committed: ${reasonOf(cause)}`)
      }
    },
    leaving: () => {
      leaving = true
      claiming.drop()
      return Promise.resolve()
    },
    reset: (topic, partition) => {
      places.set(placeOf({ topic, partition }), { topic, partition, next: 0 })
    },
    stop: async () => {
      stopped = true
      for (const place of places.values()) fetching('pause', place)
      for (const { waiting } of endpoints.values()) for (const wake of waiting) wake()
      for (const [topic, endpoint] of endpoints) give(endpoint, topic)
      await settled(clock, claiming.idle(), stopMs)
      // n.b. what follows a commit is answered as refused, in the turn of its promise
      await Promise.resolve()
    },
  }
}

/** Hands records out to endpoints, partition by partition, as far as each of them has room. */
import * as O from 'fp-ts/lib/Option.js'
import { makeContext } from '../../core/context.js'
import type { Deliver } from '../../core/delivery.js'
import type { Settlement } from '../../core/settlement.js'
import { field, headersOf } from '../broker/attributes.js'
import type { Environment, Subscription } from '../transport.js'
import type { KafkaContext } from './context.js'
import { maxMessageBytes } from './options.js'
import { bodyOf, described } from './record.js'
import { originOf } from './retry.js'
import { nextOf, type Entry, type Item, type Lane } from './window.js'

/** An event endpoint. */
export interface Endpoint {
  /** Of its subscription. */
  readonly index: number
  readonly subscription: Subscription
  /** Lanes of the partitions that this member has, and whose turn it is. */
  lanes: ReadonlyArray<Lane>
  turn: number
  /** Unsettled. */
  held: number
  giving: boolean
}

/** An item that is out. */
export interface Held {
  readonly item: Item
  readonly endpoint: Endpoint
}

export interface Handing<N extends string> {
  readonly name: N
  readonly environment: Pick<Environment, 'clock'>
  readonly deliver: Deliver<KafkaContext<N>>
  /** Whether anything is handed out at all. */
  readonly open: () => boolean
  readonly settle: (held: Held, settlement: Settlement) => void
}

export interface Hands {
  /** Hands out what there is room for. */
  readonly give: (endpoint: Endpoint) => void
  /** It is out, without anybody having been handed it. */
  readonly hold: (item: Item, endpoint: Endpoint) => Held
  /** It is no longer out. */
  readonly release: (held: Held) => void
  /** Calls once, when nothing is out; the result forgets that. */
  readonly whenEmpty: (run: () => void) => () => void
}

/** The id that came with it, or where it was first. */
export const idOf = ({ fields, message, window }: Entry): string =>
  described(fields).id ?? originOf(fields, window.topic, window.partition, message.offset)

const contextOf = <N extends string>(name: N, { attempt, entry }: Item, pattern: string): KafkaContext<N> => {
  const { fields, message, window, key } = entry
  const { correlationId, causationId } = described(fields)
  const messageId = idOf(entry)
  // n.b. of a retry: where its event was published to
  const origin = fields[field.origin]?.split('/') ?? []
  const [topic, partition, offset] =
    origin.length === 3 ? origin : [window.topic, String(window.partition), message.offset]
  return makeContext({
    transport: 'kafka' as const,
    name,
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

// What a program of another make wrote where the topic takes more: no codec is to see it.
const tooLarge = ({ attempt, firstFailedAt }: Item, now: number): Settlement => ({
  _tag: 'DeadLetter',
  reason: {
    _tag: 'InvalidPayload',
    message: `expected at most ${String(maxMessageBytes)} bytes`,
    errorId: undefined,
    attempts: attempt - 1,
    firstFailedAt: firstFailedAt ?? now,
    lastFailedAt: now,
  },
})

export const handing = <N extends string>({ name, environment, deliver, open, settle }: Handing<N>): Hands => {
  const out = new Set<Held>()
  let emptied: (() => void) | undefined

  const hold = (item: Item, endpoint: Endpoint): Held => {
    const held: Held = { item, endpoint }
    endpoint.held += 1
    out.add(held)
    return held
  }
  const hand = (item: Item, endpoint: Endpoint): void => {
    const held = hold(item, endpoint)
    const { entry, firstFailedAt } = item
    const body = bodyOf(entry.message)
    if (body.length > maxMessageBytes) {
      settle(held, tooLarge(item, environment.clock.unix()))
      return
    }
    let heard = false
    deliver(
      {
        subscription: endpoint.index,
        context: contextOf(name, item, endpoint.subscription.pattern),
        body,
        // n.b. the place of a record never changes, so it is as good as an id
        identified: true,
        key: entry.key,
        firstFailedAt,
        admitted: undefined,
      },
      (settlement) => {
        if (heard) return
        heard = true
        settle(held, settlement)
      },
    )
  }
  return {
    // n.b. not re-entrant: a settlement may come before `deliver` returns, and a long queue would overflow the stack
    give: (endpoint) => {
      if (endpoint.giving) return
      endpoint.giving = true
      const { window } = endpoint.subscription
      let passed = 0
      while (open() && endpoint.held < window && passed < endpoint.lanes.length) {
        endpoint.turn = (endpoint.turn + 1) % endpoint.lanes.length
        const lane = endpoint.lanes[endpoint.turn]
        const item = lane === undefined ? undefined : nextOf(lane)
        passed = item === undefined ? passed + 1 : 0
        if (item !== undefined) hand(item, endpoint)
      }
      endpoint.giving = false
    },
    hold,
    release: (held) => {
      if (!out.delete(held)) return
      held.endpoint.held -= 1
      if (out.size > 0) return
      const run = emptied
      emptied = undefined
      run?.()
    },
    whenEmpty: (run) => {
      if (out.size === 0) run()
      else emptied = run
      return () => {
        emptied = undefined
      }
    },
  }
}

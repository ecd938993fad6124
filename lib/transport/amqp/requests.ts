/** The requests of one endpoint: from the queue of its pattern to its handler, and the reply to whoever asked. */
import { line } from '../../core/line.js'
import type { Settlement } from '../../core/settlement.js'
import { lateMs } from '../broker/deadline.js'
import { replyOf, writeReply } from '../broker/reply.js'
import type { Writing } from '../broker/attributes.js'
import type { Subscription } from '../transport.js'
import { contentOf, properties, short, textOf } from './fields.js'
import type { Consumer, House } from './house.js'
import { requestReader } from './incoming.js'
import { ack, intake, type Taken } from './intake.js'
import { requestQueue } from './names.js'
import { maxMessageBytes } from './options.js'
import { replyTo } from './publishing.js'
import { declareRequest } from './topology.js'

/** How long a reply without a deadline may wait for a connection, in milliseconds. */
const replyMs = 10_000

/**
 * Requests fetched ahead, where no replica has a place for them at once: what quick handlers start while the next ones are
 * on their way. n.b. each is one that a crash leaves to its caller's time limit
 */
const mostAhead = 64

const draining: Settlement = { _tag: 'Refuse', because: 'draining', limit: 0 }

// n.b. whoever asks says where the reply goes: to nothing but a direct reply address
const addressOf = (address: unknown): string | undefined =>
  typeof address === 'string' && address.startsWith(`${replyTo}.`) ? short(address) : undefined

export const requestConsumer = <N extends string>(
  { settings, env, link, calls, deliver }: House<N>,
  index: number,
  subscription: Subscription,
): Consumer => {
  const { pattern, concurrency, window } = subscription
  const { clock, log } = env
  const queue = requestQueue(settings.prefix, pattern)
  const read = requestReader<N>(settings, env, subscription, queue)
  const waiting = line<Taken>()
  let running = 0
  let stopping = false

  const answer = ({ message: { properties: own } }: Taken, settlement: Settlement, ms: number): void => {
    const address = addressOf(own.replyTo)
    if (address === undefined) return
    const reply = replyOf(settlement, maxMessageBytes)
    const headers: Writing = {}
    writeReply(headers, reply)
    const correlationId = textOf(own.correlationId)
    const contentType = textOf(own.contentType)
    const publication = {
      exchange: '',
      routingKey: address,
      content: contentOf(reply.body),
      // n.b. never mandatory: the broker returns direct replies, delivered or not
      properties: properties({ headers, correlationId, contentType, persistent: false }),
    }
    calls.reply(publication, ms)
  }

  // Acknowledged before it starts: whatever happens now, nobody runs it a second time.
  const start = (taken: Taken): void => {
    if (!ack(taken)) return
    const { context, key, identified } = read(taken.message)
    const deadline = context.deadline._tag === 'Some' ? context.deadline.value : undefined
    const body = taken.message.content
    // n.b. one that has expired is refused by the runtime; the answer costs little, and clocks differ
    const ms = (): number => (deadline === undefined ? replyMs : Math.max(lateMs, deadline - clock.now()))
    if (body.length > maxMessageBytes) {
      const failure = { _tag: 'MessageTooLarge', limitBytes: maxMessageBytes } as const
      answer(taken, { _tag: 'Fail', failure }, ms())
      return
    }
    running += 1
    deliver(
      { subscription: index, context, body, identified, key, firstFailedAt: undefined, admitted: undefined },
      (settlement) => {
        running -= 1
        answer(taken, settlement, ms())
        fill()
      },
    )
  }

  // n.b. not re-entrant: requests that are answered at once would overflow the stack
  let filling = false
  const fill = (): void => {
    if (filling) return
    filling = true
    while (running < window && !stopping) {
      const next = waiting.shift()
      if (next === undefined) break
      start(next)
    }
    filling = false
  }
  const refuse = (taken: Taken): void => {
    if (ack(taken)) answer(taken, draining, replyMs)
  }

  const own = intake(settings, env, link, {
    queue,
    declare: (wire) => declareRequest(wire, settings, queue, pattern),
    // n.b. of those that have not started: the others are acknowledged
    prefetch: Math.ceil(concurrency / 4),
    more: Math.min(2 * concurrency, mostAhead),
    wide: true,
    take: (taken) => {
      if (taken.message.fields.redelivered) {
        // Its first consumer was lost, and may have started it.
        if (ack(taken)) log(`${settings.name}: a request of ${queue} came a second time, and is not run`)
      } else if (stopping) refuse(taken)
      else {
        waiting.push(taken)
        fill()
      }
    },
  })

  return {
    intake: own,
    stop: async () => {
      stopping = true
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) refuse(next)
      await own.stop()
    },
    close: () => undefined,
  }
}

/** Messages that the broker has to confirm: events on their way out, retries, dead letters. */
import type { Message, Options } from 'amqplib'
import type { ConnectError } from '../../core/error.js'
import type { KeptOpen } from '../broker/keep-open.js'
import type { Cancel } from '../transport.js'
import { isClosed } from './errors.js'
import { gate } from './gate.js'
import type { Publishing } from './publishing.js'

export interface Publication {
  readonly exchange: string
  readonly routingKey: string
  readonly content: Buffer
  readonly properties: Options.Publish
}

/**
 * How a publication ended: `refused` by a queue that is full, `lost` with its connection when the broker may have taken
 * it, `unsent` when it certainly has not; or there will be no connection.
 */
export type End =
  | 'confirmed'
  | 'returned'
  | 'refused'
  | 'lost'
  | 'unsent'
  /** The driver cannot encode its properties: one of them is too long. */
  | 'unsendable'
  | ConnectError

export interface Outbox {
  /** Publishes in its turn; `done` is called once, unless the result cancelled it. */
  readonly send: (publication: Publication, done: (end: End) => void) => Cancel
  /** Something has changed at the connection. */
  readonly flow: () => void
  readonly returned: (message: Message) => void
  /** Sent and not confirmed. */
  readonly unconfirmed: () => number
  /** Calls back once nothing is unconfirmed. */
  readonly settled: () => Promise<void>
}

/** How much may be unconfirmed; the rest waits in this process, where the client bounds it. */
const mostUnconfirmed = 1_000
const mostUnconfirmedBytes = 16 * 1024 * 1024

const keyOf = (exchange: string, routingKey: string, messageId: unknown): string =>
  JSON.stringify([exchange, routingKey, messageId ?? null])

export const outbox = (link: KeptOpen<Publishing>): Outbox => {
  // Messages that came back; the broker returns one before it confirms it. They have no number of their own, so that two
  // with one id and destination are told apart by count alone: they have the same end.
  const returned = new Map<string, number>()
  const idle: Array<() => void> = []
  let count = 0
  let bytes = 0

  const cameBack = ({ exchange, routingKey, properties }: Publication): boolean => {
    if (properties.mandatory !== true || returned.size === 0) return false
    const key = keyOf(exchange, routingKey, properties.messageId)
    const times = returned.get(key)
    if (times === undefined) return false
    if (times === 1) returned.delete(key)
    else returned.set(key, times - 1)
    return true
  }
  const waiting = gate<Publishing>(
    link,
    ({ wire, events }) => !wire.blocked() && !events.full && count < mostUnconfirmed && bytes < mostUnconfirmedBytes,
  )

  return {
    send: (publication, done) => {
      const { exchange, routingKey, content, properties } = publication
      let state: 'waiting' | 'sent' | 'over' = 'waiting'
      const finish = (end: End): void => {
        if (state === 'over') return
        state = 'over'
        done(end)
      }
      const confirmed = (error: Error | null): void => {
        count -= 1
        bytes -= content.length
        const back = cameBack(publication)
        const nacked = error !== null && error.message === 'message nacked'
        // n.b. with the channel ends what would have been confirmed after its return
        if (error !== null && !nacked) returned.clear()
        finish(nacked ? 'refused' : error !== null ? 'lost' : back ? 'returned' : 'confirmed')
        waiting.flow()
        if (count === 0) for (const wake of idle.splice(0)) wake()
      }
      const leave = waiting.push({
        send: ({ events }) => {
          try {
            const own = events.encodable(properties)
            events.full = !events.channel.publish(exchange, routingKey, content, own, confirmed)
            state = 'sent'
            count += 1
            bytes += content.length
          } catch (error) {
            finish(isClosed(error) ? 'unsent' : 'unsendable')
          }
        },
        never: finish,
      })
      return () => {
        leave()
        const sent = state === 'sent'
        state = 'over'
        return sent ? 'maybe' : 'no'
      }
    },
    flow: waiting.flow,
    returned: ({ fields: { exchange, routingKey }, properties: { messageId } }) => {
      const key = keyOf(exchange, routingKey, messageId)
      returned.set(key, (returned.get(key) ?? 0) + 1)
    },
    unconfirmed: () => count,
    settled: () =>
      count === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            idle.push(resolve)
          }),
  }
}

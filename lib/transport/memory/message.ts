import { freshId, type Random } from '../../core/clock.js'
import type { Headers } from '../../core/context.js'
import type { Body } from '../../core/settlement.js'
import type { Outgoing } from '../transport.js'

/** A message as the bus keeps it: bytes of its own, so that nothing is shared with the sender. */
export interface Message {
  readonly pattern: string
  readonly body: Uint8Array
  readonly contentType: string
  readonly headers: Headers
  readonly messageId: string
  /** The id is the sender's. */
  readonly identified: boolean
  readonly correlationId: string
  readonly causationId: string | undefined
  readonly key: string | undefined
}

const encoder = new TextEncoder()

/** Fresh bytes of a body. n.b. `slice` would not do: that of a Buffer shares its memory. */
export const bytesOf = (body: Body): Uint8Array =>
  typeof body === 'string' ? encoder.encode(body) : new Uint8Array(body)

/** Takes an outgoing message over; an id is made up where it has none, and is its own correlation id by default. */
export const message = (outgoing: Outgoing, random: Random): Message => {
  const messageId = outgoing.messageId ?? freshId(random)
  return {
    pattern: outgoing.pattern,
    body: bytesOf(outgoing.body),
    contentType: outgoing.contentType,
    headers: Object.freeze({ ...outgoing.headers }),
    messageId,
    identified: outgoing.messageId !== undefined,
    correlationId: outgoing.correlationId ?? messageId,
    causationId: outgoing.causationId,
    key: outgoing.key,
  }
}

/** What a message weighs against the bound in bytes: its body and its headers. */
export const weight = ({ body, headers }: Pick<Message, 'body' | 'headers'>): number =>
  Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, body.length)

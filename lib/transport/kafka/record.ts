/** Records: what is written into them, and what is read from those of anybody. */
import type { KafkaMessage } from 'kafkajs'
import type { Clock } from '../../core/clock.js'
import { usualContentType } from '../broker/addressed.js'
import {
  describe,
  field,
  numberOf,
  sourceOf,
  times,
  writeCommon,
  writeHeaders,
  writeOwn,
  type Described,
  type Fields,
  type Writing,
} from '../broker/attributes.js'
import { noHeaders } from '../../core/envelope.js'
import type { Body } from '../../core/settlement.js'
import type { Environment, Outgoing } from '../transport.js'
import type { Record } from './outbox.js'

const attributes = 'ce_'

/** A body as a value: text stays text until it is written, and nothing is a zero-length value, never a null one. */
export const valueOf = (body: Body): Buffer | string =>
  typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength)

/** Fields without a prototype: a header may be called `__proto__`. */
export const noFields = (): Writing => Object.create(null) as Writing

/** Writes the fields of messages that are sent from here. */
export const fieldsOfMessages = ({ clock, group }: Environment): ((message: Outgoing) => Writing) => {
  const source = sourceOf(group)
  const timeOf = times()
  return (message) => {
    const { headers, messageId, correlationId, causationId, key } = message
    // n.b. an object with a prototype takes half of the time to fill, and only a user's header could be called `__proto__`
    const into: Writing = headers === noHeaders ? {} : noFields()
    writeHeaders(into, headers)
    if (messageId !== undefined) {
      into[field.contentType] = message.contentType
      writeCommon(into, attributes, message.pattern, source)
      writeOwn(into, attributes, { id: messageId, correlationId, causationId, key }, timeOf(Math.floor(clock.unix())))
    } else {
      // n.b. a request without an id is no CloudEvent, and still belongs to its chain; services know its format
      if (message.contentType !== usualContentType) into[field.contentType] = message.contentType
      if (correlationId !== undefined) into[`${attributes}correlationid`] = correlationId
      if (causationId !== undefined) into[`${attributes}causationid`] = causationId
    }
    return into
  }
}

/** A message as a record. */
export const recordOf = (message: Outgoing, headers: Writing): Record => ({
  key: message.key === undefined ? null : Buffer.from(message.key),
  value: valueOf(message.body),
  headers,
})

/** The fields of a record as texts. A name that comes more than once counts as it came last. */
export const fieldsOf = (message: KafkaMessage): Fields => {
  const into = noFields()
  const headers = message.headers ?? {}
  for (const name of Object.keys(headers)) {
    const given = headers[name]
    // n.b. kafkajs puts what Object.prototype has under a name before the value
    const value: unknown = Array.isArray(given) ? given.at(-1) : given
    into[name] = Buffer.isBuffer(value) ? value.toString() : typeof value === 'string' ? value : ''
  }
  return into
}

export const described = (fields: Fields): Described => describe(fields, attributes)

/** The key as text; one that is no UTF-8 as base64. */
export const keyOf = (key: Buffer | null): string | undefined => {
  if (key === null) return undefined
  const text = key.toString()
  return text.includes('\ufffd') && !Buffer.from(text).equals(key) ? key.toString('base64') : text
}

export const empty = Buffer.alloc(0)

/** The value as it came; null is empty. */
export const bodyOf = ({ value }: KafkaMessage): Buffer => value ?? empty

/** Where a record lies, as text. */
export const coordinates = (topic: string, partition: number, offset: string): string =>
  `${topic}/${String(partition)}/${offset}`

/** When a record may be handled, in Unix milliseconds: of a retry. */
export const notBefore = 'taskwire-not-before'

/** How long that was when it was written, in milliseconds: it waits for no longer, whatever the clocks say. */
export const delay = 'taskwire-delay'

/** The longest delay of a retry, in milliseconds: 24 hours. */
const longestDelayMs = 86_400_000

/**
 * How long a record has to wait. A wall clock that is set while this process runs changes nothing: one that is set ahead
 * is not followed, and of one that is set back the delay itself is the bound.
 */
export const dueIn = (clock: Clock): ((fields: Fields) => number) => {
  const began = clock.unix() - clock.now()
  return (fields) => {
    const at = Number(fields[notBefore])
    if (!Number.isFinite(at)) return 0
    const left = at - Math.min(clock.unix(), began + clock.now())
    return Math.min(Math.max(0, left), numberOf(fields, delay) ?? longestDelayMs, longestDelayMs)
  }
}

/** Fields and properties of AMQP messages. */
import type { MessageProperties, Options } from 'amqplib'
import type { Headers } from '../../core/context.js'
import { noHeaders, reservedPrefix } from '../../core/envelope.js'
import type { Body } from '../../core/settlement.js'
import { writeHeaders, type Fields, type Writing } from '../broker/attributes.js'

/** The pattern of an event that was published again, to a queue: its routing key is then the queue's name. */
export const patternField = `${reservedPrefix}pattern`

/**
 * What is left of a delay once an event has waited in its retry queue, in milliseconds; only where no queue is long enough.
 * n.b. no time of day: the broker measures each wait, and clocks differ
 */
export const restField = `${reservedPrefix}rest`

// Headers that the broker acts on or writes, and one that the driver cannot read back. A user's header of such a name
// travels under another one, which `headersOf` undoes.
const brokers = /^(CC|BCC|__proto__|x-death|x-(first|last)-death-.*|x-delivery-count|x-acquired-count|x-delay)$/
const escape = `${reservedPrefix}header-`
// n.b. for every header of every message: most begin with another letter
const isBrokers = (name: string): boolean => {
  const first = name.charAt(0)
  return (first === 'x' || first === 'C' || first === 'B' || first === '_') && brokers.test(name)
}

/** The user's headers, written. */
export const written = (headers: Headers): Writing => {
  if (headers === noHeaders) return {}
  // n.b. without a prototype, as a header may be called `constructor`
  const into = Object.create(null) as Writing
  writeHeaders(into, headers)
  for (const name of Object.keys(into)) {
    if (!isBrokers(name)) continue
    into[escape + name] = into[name] ?? ''
    Reflect.deleteProperty(into, name)
  }
  return into
}

/** The headers of a message as text: texts, numbers and booleans; others, and those of the broker, are left out. */
export const fieldsOf = (headers: MessageProperties['headers']): Fields => {
  // n.b. `__proto__` is among those left out, so the object needs no prototype of `null`, which would make it slow
  const fields: Writing = {}
  for (const name in headers) {
    if (isBrokers(name)) continue
    const value: unknown = headers[name]
    if (typeof value === 'string') fields[name] = value
    else if (typeof value === 'number' || typeof value === 'boolean') fields[name] = String(value)
  }
  return fields
}

/** The headers of a message without those of the broker, for a copy of it. */
export const copied = (headers: MessageProperties['headers']): Record<string, unknown> => {
  const kept = Object.create(null) as Record<string, unknown>
  for (const [name, value] of Object.entries(headers ?? {})) if (!isBrokers(name)) kept[name] = value
  return kept
}

/** Text of a property: one that is missing, empty or no text is `undefined`. */
export const textOf = (property: unknown): string | undefined =>
  typeof property === 'string' && property !== '' ? property : undefined

/** Text that is short enough for a property: at most 255 bytes. */
export const short = (text: string | undefined): string | undefined =>
  text !== undefined && text !== '' && (text.length < 64 || Buffer.byteLength(text) <= 255) ? text : undefined

/** Properties without those that are not there: the types of the driver know no `undefined`. */
export const properties = (from: {
  readonly [K in keyof Options.Publish]: Options.Publish[K] | undefined
}): Options.Publish => from as Options.Publish

export const contentOf = (body: Body): Buffer =>
  typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength)

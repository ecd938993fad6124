/**
 * What travels beside a body, as names and texts: CloudEvents 1.0 attributes in binary mode, what the library adds
 * under its own prefix, and the user's headers under their own names. A transport maps what its broker has fields for.
 * Sources: CloudEvents 1.0.2 spec, its Kafka binding (prefix `ce_`) and AMQP binding (prefix `cloudEvents_`), the
 * extensions `correlation` and `partitioning`, and W3C Trace Context, whose headers are the user's.
 */
import { noHeaders, reservedPrefix } from '../../core/envelope.js'
import type { Headers } from '../../core/context.js'

/** Names and texts beside a body. */
export type Fields = Readonly<Record<string, string>>

/** The same as they are being written. */
export type Writing = Record<string, string>

/** Names of the library's own fields. */
export const field = {
  contentType: 'content-type',
  /** Of the endpoint that a retry is for. */
  endpoint: `${reservedPrefix}endpoint`,
  /** The number of the next start. */
  attempt: `${reservedPrefix}attempt`,
  /** Unix milliseconds. */
  firstFailedAt: `${reservedPrefix}first-failed-at`,
  /** Where a retry came from: topic/partition/offset, stream/entry. */
  origin: `${reservedPrefix}origin`,
  /** How often a dead letter was put back. */
  replays: `${reservedPrefix}replays`,
  /** Of a request: milliseconds. */
  timeout: `${reservedPrefix}timeout`,
  /** Of a request: Unix milliseconds. */
  deadline: `${reservedPrefix}deadline`,
  /** Of a reply: `ok`, `error`, `failure`, `refused`. */
  status: `${reservedPrefix}status`,
  /** Of a reply that is a failure: its number. */
  code: `${reservedPrefix}code`,
} as const

/** The prefixes of CloudEvents attributes: on Kafka (and Redis, which has no binding), on AMQP. */
export type CloudEvents = 'ce_' | 'cloudEvents_'

const attributes = (prefix: CloudEvents) => ({
  specversion: `${prefix}specversion`,
  id: `${prefix}id`,
  type: `${prefix}type`,
  source: `${prefix}source`,
  time: `${prefix}time`,
  correlationId: `${prefix}correlationid`,
  causationId: `${prefix}causationid`,
  key: `${prefix}partitionkey`,
})
// n.b. made once: a name that is put together for each message has to be hashed for each message
const named = { ce_: attributes('ce_'), cloudEvents_: attributes('cloudEvents_') } as const

/** The names of our own fields: those that whoever receives a message reads, and the others. */
export const fieldNames = (
  prefix: CloudEvents,
): { readonly read: ReadonlyArray<string>; readonly unread: ReadonlyArray<string> } => {
  const { specversion, type, source, time, ...read } = named[prefix]
  const { contentType, ...own } = field
  return {
    read: [...Object.values(read), ...Object.values(own)],
    unread: [specversion, type, source, time, contentType],
  }
}

/** User headers whose names others would take for theirs travel under this prefix. */
const escape = `${reservedPrefix}header-`

// n.b. CloudEvents attribute names have lower-case letters and digits only
const others = /^(ce_|cloudevents[_:]|content-type$)/i

/** Writes the user's headers. */
export const writeHeaders = (into: Writing, headers: Headers): void => {
  for (const name in headers) into[others.test(name) ? escape + name : name] = headers[name] ?? ''
}

/** The user's headers among fields: those of the library and of CloudEvents are not among them. */
export const headersOf = (fields: Fields): Headers => {
  let headers: Writing | undefined
  for (const name in fields) {
    const own = name.startsWith(escape)
    if (!own && (others.test(name) || name.toLowerCase().startsWith(reservedPrefix))) continue
    // n.b. without a prototype: a header may be called __proto__
    headers ??= Object.create(null) as Writing
    headers[own ? name.slice(escape.length) : name] = fields[name] ?? ''
  }
  return headers === undefined ? noHeaders : Object.freeze(headers)
}

/** What one event says of itself. */
export interface EventAttributes {
  readonly id: string
  readonly correlationId: string | undefined
  readonly causationId: string | undefined
  /** The ordering key. */
  readonly key: string | undefined
}

/**
 * Writes what every event of a pattern says that one service or client sends; the content type is the transport's to write,
 * where its binding says. `type` is the canonical pattern.
 */
export const writeCommon = (into: Writing, prefix: CloudEvents, type: string, source: string): void => {
  const names = named[prefix]
  into[names.specversion] = '1.0'
  into[names.type] = type
  into[names.source] = source
}

/** Unix milliseconds as the attribute `time`. n.b. events come many in a millisecond, and each text takes most of 1 us */
export const times = (): ((unix: number) => string) => {
  let last = Number.NaN
  let text = ''
  return (unix) => {
    if (unix !== last) {
      last = unix
      text = new Date(unix).toISOString()
    }
    return text
  }
}

/** Writes what one event says beside that; `time` as text. */
export const writeOwn = (
  into: Writing,
  prefix: CloudEvents,
  { id, correlationId, causationId, key }: EventAttributes,
  time: string,
): void => {
  const names = named[prefix]
  into[names.id] = id
  into[names.time] = time
  if (correlationId !== undefined) into[names.correlationId] = correlationId
  if (causationId !== undefined) into[names.causationId] = causationId
  if (key !== undefined) into[names.key] = key
}

/** What the fields of a message say about it; everything may be missing in what a foreign program sent. */
export interface Described {
  readonly id: string | undefined
  readonly type: string | undefined
  readonly correlationId: string | undefined
  readonly causationId: string | undefined
  readonly key: string | undefined
}

const filled = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

export const describe = (fields: Fields, prefix: CloudEvents): Described => {
  const names = named[prefix]
  return {
    id: filled(fields[names.id]),
    type: filled(fields[names.type]),
    correlationId: filled(fields[names.correlationId]),
    causationId: filled(fields[names.causationId]),
    key: fields[names.key],
  }
}

/** A whole number of a field; `undefined` where it is missing or no such number. */
export const numberOf = (fields: Fields, name: string): number | undefined => {
  const text = fields[name]
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** The `source` of what a service or a client sends (CloudEvents: a URI reference, not empty). */
export const sourceOf = (group: string): string => `/${encodeURIComponent(group === '' ? 'taskwire' : group)}`

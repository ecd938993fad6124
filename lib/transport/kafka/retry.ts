/** Records that go to the service's own topics: retries and dead letters. */
import { field, type Fields } from '../broker/attributes.js'
import { letterField, writeLetter } from '../broker/letter.js'
import type { Reason } from '../../core/settlement.js'
import type { Environment } from '../transport.js'
import type { Record } from './outbox.js'
import { bodyOf, coordinates, empty, noFields, notBefore } from './record.js'
import type { Item } from './window.js'

type Headers = { [name: string]: Buffer | string | Array<Buffer | string> | undefined }

const ours: ReadonlySet<string> = new Set([
  field.endpoint,
  field.attempt,
  field.firstFailedAt,
  field.origin,
  notBefore,
  ...Object.values(letterField),
])

// As they came, byte for byte, but for what an earlier retry or dead letter had added.
const headersOf = ({ entry: { message } }: Item): Headers => {
  const into = noFields() as Headers
  const headers = message.headers ?? {}
  for (const name of Object.keys(headers)) {
    if (ours.has(name)) continue
    const given = headers[name]
    // n.b. kafkajs adds what Object.prototype has under a name
    into[name] = Array.isArray(given) ? given.filter((one) => Buffer.isBuffer(one)) : given
  }
  return into
}

/** Where the record was first. */
export const originOf = (fields: Fields, topic: string, partition: number, offset: string): string =>
  fields[field.origin] ?? coordinates(topic, partition, offset)

const sourceOf = ({ entry: { message, fields, window } }: Item): string =>
  originOf(fields, window.topic, window.partition, message.offset)

/** For the topic of retries: to be handled by this endpoint alone, not before its time. */
export const retryRecord = (item: Item, endpoint: string, delayMs: number, { clock }: Environment): Record => {
  const headers = headersOf(item)
  headers[field.endpoint] = endpoint
  headers[field.attempt] = String(item.attempt)
  if (item.firstFailedAt !== undefined) headers[field.firstFailedAt] = String(Math.round(item.firstFailedAt))
  headers[field.origin] = sourceOf(item)
  headers[notBefore] = String(Math.round(clock.unix() + delayMs))
  return { key: item.entry.message.key, value: bodyOf(item.entry.message), headers }
}

/** What a dead letter says of its event. */
export interface Lying {
  readonly messageId: string
  readonly pattern: string
  readonly endpoint: string
}

/** For the topic of dead letters; without its body where that is too large for it. */
export const letterRecord = (
  item: Item,
  reason: Reason,
  lying: Lying,
  body: boolean,
  environment: Environment,
): Record => {
  const headers = headersOf(item)
  const fields = noFields()
  writeLetter(fields, reason, { source: sourceOf(item), ...lying }, environment)
  if (!body) fields[letterField.bodyless] = 'true'
  return {
    key: item.entry.message.key,
    value: body ? bodyOf(item.entry.message) : empty,
    headers: Object.assign(headers, fields),
  }
}

/** Records that go to the service's own topics: retries and dead letters. */
import type { KafkaMessage } from 'kafkajs'
import { field, type Fields } from '../broker/attributes.js'
import { isLetterField, letterField, writeLetter } from '../broker/letter.js'
import type { DeadLetter } from '../../core/letter.js'
import type { Reason } from '../../core/settlement.js'
import type { Environment } from '../transport.js'
import type { Record } from './outbox.js'
import { bodyOf, coordinates, delay, empty, noFields, notBefore } from './record.js'
import type { Item } from './window.js'

type Headers = { [name: string]: Buffer | string | Array<Buffer | string> | undefined }

const ours: ReadonlySet<string> = new Set([
  field.endpoint,
  field.attempt,
  field.firstFailedAt,
  field.origin,
  notBefore,
  delay,
])

/** As they came, byte for byte, but for those that are left out. */
const headersOf = ({ headers = {} }: KafkaMessage, out: (name: string) => boolean = () => false): Headers => {
  const into = noFields() as Headers
  for (const name of Object.keys(headers)) {
    if (out(name)) continue
    // n.b. kafkajs adds what Object.prototype has under a name, and cannot write a null that another program has sent
    const given: ReadonlyArray<unknown> = [headers[name]].flat()
    into[name] = given.flatMap((one) => (Buffer.isBuffer(one) ? [one] : one === null ? [empty] : []))
  }
  return into
}

/** Without what an earlier retry or dead letter had added. */
const ownHeadersOf = (message: KafkaMessage): Headers =>
  headersOf(message, (name) => ours.has(name) || isLetterField(name))

/** Where the record was first. */
export const originOf = (fields: Fields, topic: string, partition: number, offset: string): string =>
  fields[field.origin] ?? coordinates(topic, partition, offset)

const sourceOf = ({ entry: { message, fields, window } }: Item): string =>
  originOf(fields, window.topic, window.partition, message.offset)

/** For the topic of retries: to be handled by this endpoint alone, not before its time. */
export const retryRecord = (item: Item, endpoint: string, delayMs: number, { clock }: Environment): Record => {
  const headers = ownHeadersOf(item.entry.message)
  headers[field.endpoint] = endpoint
  headers[field.attempt] = String(item.attempt)
  if (item.firstFailedAt !== undefined) headers[field.firstFailedAt] = String(Math.round(item.firstFailedAt))
  headers[field.origin] = sourceOf(item)
  headers[notBefore] = String(Math.round(clock.unix() + delayMs))
  headers[delay] = String(Math.round(delayMs))
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
  const headers = ownHeadersOf(item.entry.message)
  const fields = noFields()
  writeLetter(fields, reason, { source: sourceOf(item), ...lying }, environment)
  if (!body) fields[letterField.bodyless] = 'true'
  return {
    key: item.entry.message.key,
    value: body ? bodyOf(item.entry.message) : empty,
    headers: Object.assign(headers, fields),
  }
}

/** A dead letter for the topic of retries: to be handled by its endpoint alone, as if for the first time. */
export const redriveRecord = (message: KafkaMessage, { endpoint, source, replays }: DeadLetter): Record => {
  const headers = ownHeadersOf(message)
  headers[field.endpoint] = endpoint
  headers[field.attempt] = '1'
  headers[field.origin] = source
  headers[field.replays] = String(replays + 1)
  return { key: message.key, value: bodyOf(message), headers }
}

/** A record as it lies. */
export const sameRecord = (message: KafkaMessage): Record => ({
  key: message.key,
  value: message.value,
  headers: headersOf(message),
})

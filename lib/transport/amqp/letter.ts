/** One dead letter: as it is read, and as it is put back. Most were written here, some were set aside by the broker. */
import type { GetMessage } from 'amqplib'
import type { DeadLetter } from '../../core/letter.js'
import { isWildcard, router } from '../../core/pattern.js'
import { describe, field, numberOf, type Fields } from '../broker/attributes.js'
import { isLetterField, letterField, readLetter } from '../broker/letter.js'
import type { LetterSource } from '../transport.js'
import { copyOf } from './copy.js'
import { fieldsOf, patternField, short, textOf } from './fields.js'
import { eventExchange } from './names.js'
import type { Publication } from './outbox.js'
import { deliveryLimit } from './topology.js'

/** What the broker writes when it sets a message aside. Source: RabbitMQ, dead letter exchanges. */
interface Death {
  readonly reason: string
  /** Unix milliseconds. */
  readonly time: number
  /** The key by which it came from the exchange of events. */
  readonly key: string | undefined
}

/** Whose letters these are. */
export interface Lying {
  readonly source: LetterSource
  /** The queue of the endpoint. */
  readonly queue: string
  readonly prefix: string
  /** The service. */
  readonly group: string
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

// n.b. what is written here never has it: a copy is made without, so it tells that the broker was the last
const deathOf = ({ properties: { headers } }: GetMessage, { queue, prefix }: Lying): Death | undefined => {
  const death = listOf(headers?.['x-death'])
    .map(recordOf)
    .find((one) => one['queue'] === queue)
  if (death === undefined) return undefined
  const seconds = recordOf(death['time'])['value']
  const key = death['exchange'] === eventExchange(prefix) ? listOf(death['routing-keys'])[0] : undefined
  return {
    reason: String(death['reason']),
    time: typeof seconds === 'number' ? seconds * 1_000 : 0,
    key: textOf(key),
  }
}

const withoutLetter = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !isLetterField(name)))

// n.b. as `eventReader` finds it, once this message is back in its queue
const patternOf = (message: GetMessage, fields: Fields, death: Death | undefined, listened: string): string => {
  if (!isWildcard(listened)) return listened
  const found = router([{ pattern: listened, value: true }])
  const said = [
    death?.key,
    fields[patternField],
    textOf(message.properties.type),
    describe(fields, 'cloudEvents_').type,
  ]
  return said.find((one) => one !== undefined && !isWildcard(one) && found(one).length > 0) ?? listened
}

/** Reads one that `writeLetter` has written, or that the broker set aside: delivered too often, and never settled. */
export const letterOf = (message: GetMessage, lying: Lying): DeadLetter => {
  const { content, properties } = message
  const { source, queue, group } = lying
  const all = fieldsOf(properties.headers)
  const death = deathOf(message, lying)
  const started = (numberOf(all, field.attempt) ?? 1) - 1
  const limit = death?.reason === 'delivery_limit' ? deliveryLimit + 1 : 0
  const fields: Fields =
    death === undefined
      ? all
      : {
          ...withoutLetter(all),
          [letterField.firstFailedAt]: all[field.firstFailedAt] ?? String(death.time),
          [letterField.time]: String(death.time),
        }
  const said = describe(fields, 'cloudEvents_')
  return readLetter(
    fields,
    {
      ...said,
      id: textOf(properties.messageId) ?? said.id,
      correlationId: said.correlationId ?? textOf(properties.correlationId),
    },
    content,
    {
      source: queue,
      messageId: '',
      endpoint: source.endpoint,
      pattern: fields[letterField.pattern] ?? patternOf(message, fields, death, source.pattern),
      service: group,
      reason:
        limit > 0
          ? `delivered ${String(limit)} times and never settled`
          : `set aside by the broker${death === undefined ? '' : ` (${death.reason})`}`,
      attempts: started + limit,
    },
  )
}

/** The same event for its endpoint alone, as attempt 1. */
export const revived = (
  { content, properties }: GetMessage,
  { messageId, pattern, replays }: DeadLetter,
  queue: string,
): Publication => {
  const made = copyOf(properties, { [patternField]: pattern, [field.replays]: String(replays + 1) }, false)
  const id = textOf(properties.messageId) ?? short(messageId)
  return {
    exchange: '',
    routingKey: queue,
    content,
    properties: id === undefined ? made : { ...made, messageId: id },
  }
}

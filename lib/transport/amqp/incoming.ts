/** Messages as they are read: whatever a foreign program may have left out or put in. */
import * as O from 'fp-ts/lib/Option.js'
import type { ConsumeMessage } from 'amqplib'
import { freshId } from '../../core/clock.js'
import { makeContext } from '../../core/context.js'
import { isWildcard, router } from '../../core/pattern.js'
import { describe, field, headersOf, numberOf, type Fields } from '../broker/attributes.js'
import { deadlineOf } from '../broker/deadline.js'
import type { Environment, Subscription } from '../transport.js'
import type { AmqpContext } from './context.js'
import { fieldsOf, patternField, textOf } from './fields.js'
import { eventExchange } from './names.js'
import type { Settings } from './options.js'

/** What a message says about itself. */
export interface Read<N extends string> {
  readonly context: AmqpContext<N>
  readonly fields: Fields
  readonly key: string | undefined
  /** It carries its id. */
  readonly identified: boolean
}

const countOf = (value: unknown): number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0

// n.b. a classic queue tells only whether there was an earlier delivery
const deliveries = ({ properties: { headers }, fields: { redelivered } }: ConsumeMessage, quorum: boolean): number =>
  quorum ? countOf(headers?.['x-delivery-count']) : redelivered ? 1 : 0

/** Reads events of a subscription; `undefined` is one that is not for it. */
export const eventReader = <N extends string>(
  { name, prefix, queueType }: Settings,
  env: Environment,
  { pattern: listened }: Subscription,
  queue: string,
): ((message: ConsumeMessage) => Read<N> | undefined) => {
  const exchange = eventExchange(prefix)
  const plain = isWildcard(listened) ? undefined : listened
  const found = router([{ pattern: listened, value: true }])
  const matches = (pattern: string | undefined): pattern is string =>
    pattern !== undefined && (pattern === plain || (!isWildcard(pattern) && found(pattern).length > 0))

  // What was put into the queue by its name is for its endpoint, whatever it calls itself.
  const patternOf = (message: ConsumeMessage, fields: Fields): string | undefined => {
    if (message.fields.exchange !== '') return message.fields.routingKey
    const said = [fields[patternField], textOf(message.properties.type), describe(fields, 'cloudEvents_').type]
    return said.find(matches) ?? plain
  }
  return (message) => {
    const { fields: delivery, properties } = message
    const fields = fieldsOf(properties.headers)
    const pattern = patternOf(message, fields)
    if (!matches(pattern)) return undefined
    const said = describe(fields, 'cloudEvents_')
    const id = textOf(properties.messageId) ?? said.id
    const messageId = id ?? freshId(env.random)
    return {
      fields,
      key: said.key,
      identified: id !== undefined,
      context: makeContext({
        transport: 'amqp' as const,
        name: name as N,
        pattern,
        messageId,
        correlationId: said.correlationId ?? textOf(properties.correlationId) ?? messageId,
        causationId: O.fromNullable(said.causationId),
        headers: headersOf(fields),
        attempt: Math.max(1, numberOf(fields, field.attempt) ?? 1) + deliveries(message, queueType === 'quorum'),
        deadline: O.none,
        exchange: delivery.exchange === '' ? exchange : delivery.exchange,
        routingKey: delivery.exchange === '' ? pattern : delivery.routingKey,
        queue,
        redelivered: delivery.redelivered,
      }),
    }
  }
}

/** Reads requests of a subscription. */
export const requestReader =
  <N extends string>({ name }: Settings, env: Environment, { pattern }: Subscription, queue: string) =>
  ({ fields: delivery, properties }: ConsumeMessage): Read<N> => {
    const fields = fieldsOf(properties.headers)
    const said = describe(fields, 'cloudEvents_')
    const id = textOf(properties.messageId) ?? said.id
    const messageId = id ?? textOf(properties.correlationId) ?? freshId(env.random)
    return {
      fields,
      key: said.key,
      identified: id !== undefined,
      context: makeContext({
        transport: 'amqp' as const,
        name: name as N,
        pattern,
        messageId,
        correlationId: said.correlationId ?? messageId,
        causationId: O.fromNullable(said.causationId),
        headers: headersOf(fields),
        attempt: 1,
        deadline: deadlineOf(fields, env.clock),
        exchange: delivery.exchange,
        routingKey: delivery.routingKey,
        queue,
        redelivered: delivery.redelivered,
      }),
    }
  }

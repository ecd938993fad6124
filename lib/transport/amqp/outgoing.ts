/** Messages of clients, as they are published. */
import { sourceOf, writeEvent } from '../broker/attributes.js'
import { writeDeadline } from '../broker/deadline.js'
import type { Environment, Outgoing } from '../transport.js'
import { contentOf, properties, short, written } from './fields.js'
import { eventExchange, requestExchange } from './names.js'
import type { Publication } from './outbox.js'
import { replyTo } from './publishing.js'

const cloudEvents = 'cloudEvents_'

/** Events are persistent, and CloudEvents in binary mode. */
export const eventOf = (prefix: string, message: Outgoing, { clock, group }: Environment): Publication => {
  const { pattern, messageId = '', correlationId, causationId, key } = message
  const headers = written(message.headers)
  const time = clock.unix()
  const source = sourceOf(group)
  writeEvent(headers, cloudEvents, { id: messageId, type: pattern, source, time, correlationId, causationId, key })
  return {
    exchange: eventExchange(prefix),
    routingKey: pattern,
    content: contentOf(message.body),
    properties: properties({
      headers,
      messageId: short(messageId),
      correlationId: short(correlationId),
      contentType: short(message.contentType),
      type: pattern,
      timestamp: Math.floor(time / 1_000),
      appId: short(group),
      persistent: true,
      mandatory: message.mandatory,
    }),
  }
}

/** Requests live in memory, for what is left of their time. `call` is what the reply repeats. */
export const requestOf = (
  prefix: string,
  message: Outgoing,
  timeoutMs: number,
  call: string,
  { clock, group }: Environment,
): Publication => {
  const { pattern, messageId = call, correlationId, causationId, key } = message
  const headers = written(message.headers)
  writeDeadline(headers, timeoutMs, clock)
  if (short(messageId) === undefined) headers[`${cloudEvents}id`] = messageId
  if (correlationId !== undefined) headers[`${cloudEvents}correlationid`] = correlationId
  if (causationId !== undefined) headers[`${cloudEvents}causationid`] = causationId
  if (key !== undefined) headers[`${cloudEvents}partitionkey`] = key
  return {
    exchange: requestExchange(prefix),
    routingKey: pattern,
    content: contentOf(message.body),
    properties: properties({
      headers,
      messageId: short(messageId),
      correlationId: call,
      replyTo,
      contentType: short(message.contentType),
      type: pattern,
      timestamp: Math.floor(clock.unix() / 1_000),
      appId: short(group),
      expiration: String(Math.max(1, Math.ceil(timeoutMs))),
      persistent: false,
      mandatory: true,
    }),
  }
}

/** Messages of clients, as they are published. */
import { sourceOf, times, writeCommon, writeOwn } from '../broker/attributes.js'
import type { DeadlineWriter } from '../broker/deadline.js'
import type { Environment, Outgoing } from '../transport.js'
import { contentOf, properties, short, written } from './fields.js'
import { eventExchange, requestExchange } from './names.js'
import type { Publication } from './outbox.js'
import { replyTo } from './publishing.js'

const cloudEvents = 'cloudEvents_'

/** Events are persistent, and CloudEvents in binary mode. */
export const eventWriter = (prefix: string, { clock, group }: Environment): ((message: Outgoing) => Publication) => {
  const exchange = eventExchange(prefix)
  const source = sourceOf(group)
  const timeOf = times()
  const appId = short(group)
  return (message) => {
    const { pattern, messageId = '', correlationId, causationId, key } = message
    const headers = written(message.headers)
    const time = clock.unix()
    writeCommon(headers, cloudEvents, pattern, source)
    writeOwn(headers, cloudEvents, { id: messageId, correlationId, causationId, key }, timeOf(time))
    return {
      exchange,
      routingKey: pattern,
      content: contentOf(message.body),
      properties: properties({
        headers,
        messageId: short(messageId),
        correlationId: short(correlationId),
        contentType: short(message.contentType),
        type: pattern,
        timestamp: Math.floor(time / 1_000),
        appId,
        persistent: true,
        mandatory: message.mandatory,
      }),
    }
  }
}

/**
 * Requests live in memory, for what is left of their time. `call` is what the reply repeats. n.b. a request says of itself
 * only what its handler is told: everything else costs both sides, and lies nowhere for long
 */
export const requestWriter = (
  prefix: string,
  deadline: DeadlineWriter,
): ((message: Outgoing, timeoutMs: number, call: string) => Publication) => {
  const exchange = requestExchange(prefix)
  return (message, timeoutMs, call) => {
    const { pattern, messageId, correlationId, causationId, key } = message
    const headers = written(message.headers)
    deadline.write(headers, timeoutMs)
    if (messageId !== undefined && short(messageId) === undefined) headers[`${cloudEvents}id`] = messageId
    if (correlationId !== undefined) headers[`${cloudEvents}correlationid`] = correlationId
    if (causationId !== undefined) headers[`${cloudEvents}causationid`] = causationId
    if (key !== undefined) headers[`${cloudEvents}partitionkey`] = key
    return {
      exchange,
      routingKey: pattern,
      content: contentOf(message.body),
      properties: properties({
        headers,
        messageId: short(messageId),
        correlationId: call,
        replyTo,
        contentType: short(message.contentType),
        expiration: String(Math.max(1, Math.ceil(timeoutMs))),
        persistent: false,
        mandatory: true,
      }),
    }
  }
}

/** Messages that are published again: to another start, as a dead letter, back from there. */
import type { MessageProperties, Options } from 'amqplib'
import { field } from '../broker/attributes.js'
import { isLetterField } from '../broker/letter.js'
import { copied, properties, restField } from './fields.js'
import { replyTo } from './publishing.js'

/**
 * The properties of a copy: those of the message but what would change its way, and `fields` beside, or over, its headers;
 * `bare`: instead of them. n.b. a user id must be that of this connection, a direct reply address that of this channel,
 * and an expired copy would be dropped.
 */
export const copyOf = (
  own: MessageProperties,
  fields: Readonly<Record<string, string>>,
  bare: boolean,
): Options.Publish => {
  const headers = bare ? {} : copied(own.headers)
  for (const name of Object.keys(headers))
    if (name === field.attempt || name === field.firstFailedAt || name === restField || isLetterField(name))
      Reflect.deleteProperty(headers, name)
  const back: unknown = own.replyTo
  return properties({
    contentType: own.contentType as string,
    contentEncoding: own.contentEncoding as string,
    priority: own.priority as number,
    correlationId: own.correlationId as string,
    messageId: own.messageId as string,
    timestamp: own.timestamp as number,
    type: own.type as string,
    appId: own.appId as string,
    replyTo: typeof back === 'string' && !back.startsWith(replyTo) ? back : undefined,
    headers: Object.assign(headers, fields),
    persistent: true,
    mandatory: true,
  })
}

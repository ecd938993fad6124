/**
 * Replies as they are published: of each its fields as one line of JSON, a line feed, the bytes of the body. Where another
 * one follows, a field says how many bytes that are.
 */
import type { Body } from '../../core/settlement.js'
import { field, numberOf, type Fields, type Writing } from '../broker/attributes.js'
import { bodyPart } from './entry.js'

const lineFeed = 0x0a

export interface ReplyMessage {
  readonly fields: Fields
  readonly body: Body
}

// n.b. JSON text holds no line feed
const lineOf = ({ fields, body }: ReplyMessage, last: boolean): string =>
  `${JSON.stringify(last ? fields : { ...fields, [field.size]: String(Buffer.byteLength(body)) })}\n`

/** Some replies, at least one, as one message. */
export const pack = (replies: ReadonlyArray<ReplyMessage>): string | Buffer => {
  const parts: ReadonlyArray<string | Buffer> = replies.flatMap((reply, place) => [
    lineOf(reply, place === replies.length - 1),
    bodyPart(reply.body),
  ])
  return parts.every((part) => typeof part === 'string')
    ? parts.join('')
    : Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

const fieldsOf = (line: string): Fields | undefined => {
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed !== 'object' || parsed === null) return undefined
    const fields = Object.create(null) as Writing
    for (const [name, value] of Object.entries(parsed)) if (typeof value === 'string') fields[name] = value
    return fields
  } catch {
    return undefined
  }
}

/** Hands on the replies of a message. Whoever can publish can publish anything: what is no reply ends it. */
export const unpack = (message: Buffer, reply: (fields: Fields, body: Buffer) => void): void => {
  for (let at = 0; at < message.length;) {
    const end = message.indexOf(lineFeed, at)
    // n.b. what stands before is short in ours
    if (end < at || end - at > 4_096) return
    const fields = fieldsOf(message.toString('utf8', at, end))
    if (fields === undefined) return
    const size = numberOf(fields, field.size) ?? message.length - end - 1
    at = end + 1 + size
    if (at > message.length) return
    reply(fields, message.subarray(end + 1, at))
  }
}

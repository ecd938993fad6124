/**
 * Replies as they are published: of each a line of text, a line feed, the bytes of the body. The line holds the call, the
 * status and, of a failure, its number; where another reply follows, it also says how many bytes the body has.
 */
import type { Body } from '../../core/settlement.js'
import { bodyPart } from './entry.js'

const lineFeed = 0x0a

/** Lines that are longer are none of ours, in bytes. */
const longestLine = 4_096

/** Whether a reply can repeat it: up to 200 characters of ASCII without spaces. */
export const isCall = (text: string): boolean => /^[!-~]{1,200}$/.test(text)

export interface ReplyMessage {
  /** Call, status, number: no line feed. */
  readonly text: string
  readonly body: Body
}

const sized = ({ text, body }: ReplyMessage): string => {
  const [call = '', status = '', code = ''] = text.split(' ', 3)
  return `${call} ${status} ${code} ${String(Buffer.byteLength(body))}`
}

/** Some replies, at least one, as one message. */
export const pack = (replies: ReadonlyArray<ReplyMessage>): string | Buffer => {
  const parts = replies.flatMap((reply, place) => [
    `${place === replies.length - 1 ? reply.text : sized(reply)}\n`,
    bodyPart(reply.body),
  ])
  return parts.every((part) => typeof part === 'string')
    ? parts.join('')
    : Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

/** Hands on the replies of a message. Whoever can publish can publish anything: what is no reply ends it. */
export const unpack = (message: Buffer, reply: (text: string, body: Buffer) => void): void => {
  for (let at = 0; at < message.length;) {
    const end = message.indexOf(lineFeed, at)
    if (end < at || end - at > longestLine) return
    const text = message.toString('utf8', at, end)
    const size = text.split(' ', 4)[3]
    if (size !== undefined && !/^\d{1,10}$/.test(size)) return
    at = size === undefined ? message.length : end + 1 + Number(size)
    if (at > message.length) return
    reply(text, message.subarray(end + 1, at))
  }
}

/** The metadata of messages on their way out. Pattern and time limit, all that most calls carry, take a short way. */
import type { Issue } from '../../core/error.js'
import type { Outgoing } from '../transport.js'
import { maxMetaBytes } from './frame.js'
import { maxText, metaKey } from './key.js'
import { encodeMeta, tracing } from './meta.js'

/** The content type of a message that does not name one on the wire. */
export const jsonType = 'application/json'

const tracingKeys = new Map(tracing)
const keptPatterns = 16_384

/** Pattern entries by pattern: encoded once, and kept unless there are very many. */
export const patternEntries = (): ((pattern: string) => Buffer) => {
  const known = new Map<string, Buffer>()
  return (pattern) => {
    const found = known.get(pattern)
    if (found !== undefined) return found
    if (known.size >= keptPatterns) known.clear()
    const made = encodeMeta([[metaKey.pattern, pattern]])
    known.set(pattern, made)
    return made
  }
}

// Whether there is nothing to say beside pattern and time limit.
const bare = (message: Outgoing): boolean => {
  if (
    message.messageId !== undefined ||
    message.correlationId !== undefined ||
    message.causationId !== undefined ||
    message.key !== undefined ||
    message.contentType !== jsonType
  )
    return false
  for (const _ in message.headers) return false
  return true
}

const long = (text: string | undefined, most: number): boolean =>
  text !== undefined && text.length * 3 > most && Buffer.byteLength(text) > most

// Texts one behind the other, in one buffer of the largest size they can have: this is written for each event.
const lengthAt = (bytes: Buffer, from: number, size: number): number => {
  let at = from
  let left = size
  for (; left >= 0x80; left >>>= 7) bytes[at++] = (left & 0x7f) | 0x80
  bytes[at++] = left
  return at
}

const textAt = (bytes: Buffer, from: number, key: number, text: string): number => {
  bytes[from] = key
  // n.b. 42 code units are at most 126 bytes, whose number is one byte
  if (text.length > 42) {
    const at = lengthAt(bytes, from + 1, Buffer.byteLength(text))
    return at + bytes.write(text, at)
  }
  const size = text === '' ? 0 : bytes.write(text, from + 2)
  bytes[from + 1] = size
  return from + 2 + size
}

const headerAt = (bytes: Buffer, from: number, name: string, value: string): number => {
  const size = Buffer.byteLength(name)
  bytes[from] = metaKey.header
  const inner = size + (size < 0x80 ? 1 : 2) + Buffer.byteLength(value)
  let at = lengthAt(bytes, from + 1, inner)
  at = lengthAt(bytes, at, size)
  at += bytes.write(name, at)
  return value === '' ? at : at + bytes.write(value, at)
}

const most = (text: string | undefined): number => (text === undefined ? 0 : text.length * 3 + 4)

/** What is beside pattern and time limit, as bytes; `undefined` when there is nothing. */
export const moreMeta = (message: Outgoing): Buffer | undefined => {
  if (bare(message)) return undefined
  const { messageId, correlationId, causationId, key, headers } = message
  const contentType = message.contentType === jsonType ? undefined : message.contentType
  let size = most(messageId) + most(correlationId) + most(causationId) + most(key) + most(contentType)
  for (const name in headers) size += most(name) + most(headers[name])
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  if (messageId !== undefined) at = textAt(bytes, at, metaKey.messageId, messageId)
  if (correlationId !== undefined) at = textAt(bytes, at, metaKey.correlationId, correlationId)
  if (causationId !== undefined) at = textAt(bytes, at, metaKey.causationId, causationId)
  if (key !== undefined) at = textAt(bytes, at, metaKey.orderingKey, key)
  if (contentType !== undefined) at = textAt(bytes, at, metaKey.contentType, contentType)
  for (const [name, value] of Object.entries(headers)) {
    const known = tracingKeys.get(name)
    const fits = known !== undefined && !long(value, maxText[known] ?? 0)
    at = fits ? textAt(bytes, at, known, value) : headerAt(bytes, at, name, value)
  }
  return bytes.subarray(0, at)
}

/** What keeps the metadata of a message off the wire. */
export const outgoingIssues = (message: Outgoing, more: Uint8Array | undefined): ReadonlyArray<Issue> => {
  if (long(message.pattern, 255)) return [{ path: 'pattern', expected: 'at most 255 bytes' }]
  if (more === undefined) return []
  const issues: Array<Issue> = []
  if (long(message.key, 1_024)) issues.push({ path: 'key', expected: 'at most 1024 bytes' })
  if (long(message.messageId, 255)) issues.push({ path: 'messageId', expected: 'at most 255 bytes' })
  if (long(message.correlationId, 255)) issues.push({ path: 'correlationId', expected: 'at most 255 bytes' })
  if (long(message.causationId, 255)) issues.push({ path: 'causationId', expected: 'at most 255 bytes' })
  if (long(message.contentType, 255)) issues.push({ path: 'contentType', expected: 'at most 255 bytes' })
  if (more.length > maxMetaBytes - 264) issues.push({ path: 'headers', expected: 'at most 8192 bytes in all' })
  return issues
}

/** The metadata of messages on their way out. Pattern and time limit, all that most calls carry, take a short way. */
import type { Issue } from '../../core/error.js'
import type { Outgoing } from '../transport.js'
import { maxMetaBytes } from './frame.js'
import { maxText, metaKey } from './key.js'
import { encodeMeta, headerEntry, tracing } from './meta.js'
import type { Entry } from './meta.js'

/** The content type of a message that does not name one on the wire. */
export const jsonType = 'application/json'

const tracingKeys = new Map(tracing)
const keptPatterns = 1_000

/** Pattern entries by pattern: encoded once, at most a thousand kept. */
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

const entriesOf = (message: Outgoing): ReadonlyArray<Entry> => {
  const entries: Array<Entry> = []
  const add = (key: number, value: string | undefined): void => {
    if (value !== undefined) entries.push([key, value])
  }
  add(metaKey.messageId, message.messageId)
  add(metaKey.correlationId, message.correlationId)
  add(metaKey.causationId, message.causationId)
  add(metaKey.orderingKey, message.key)
  add(metaKey.contentType, message.contentType === jsonType ? undefined : message.contentType)
  for (const [name, value] of Object.entries(message.headers)) {
    const key = tracingKeys.get(name)
    const fits = key !== undefined && !long(value, maxText.get(key) ?? 0)
    entries.push(fits ? [key, value] : headerEntry(name, value))
  }
  return entries
}

/** What is beside pattern and time limit, as bytes; `undefined` when there is nothing. */
export const moreMeta = (message: Outgoing): Buffer | undefined =>
  bare(message) ? undefined : encodeMeta(entriesOf(message))

/** What keeps the metadata of a message off the wire. */
export const outgoingIssues = (message: Outgoing, more: Buffer | undefined): ReadonlyArray<Issue> => {
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

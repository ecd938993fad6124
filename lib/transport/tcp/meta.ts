/** Metadata as bytes: repeated `u8 key | uvarint length | value`. */
import { maxHeaderBytes, maxHeaders, noHeaders } from '../../core/envelope.js'
import type { Headers } from '../../core/context.js'
import { firstIgnorable, maxText, metaKey, numberBytes } from './key.js'

/** The entries of one frame: texts and numbers by key, and the user's headers. */
export interface Meta {
  readonly text: (key: number) => string | undefined
  readonly number: (key: number) => number | undefined
  readonly headers: Headers
}

/** The headers of tracing have keys of their own, so that peers in other languages find them. */
export const tracing: ReadonlyArray<readonly [string, number]> = [
  ['traceparent', metaKey.traceparent],
  ['tracestate', metaKey.tracestate],
  ['baggage', metaKey.baggage],
]

const tracingNames: ReadonlyArray<string | undefined> = Array.from(
  { length: 256 },
  (_, key) => tracing.find(([, known]) => known === key)?.[0],
)

/** Reads a length of at most three bytes (21 bits); `after` is where it ends, -1 when it does not. */
const length = (bytes: Buffer, at: number, end: number): { readonly value: number; readonly after: number } => {
  let value = 0
  for (let i = 0; i < 3 && at + i < end; i++) {
    const byte = bytes[at + i] ?? 0
    value |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return { value, after: at + i + 1 }
  }
  return { value: 0, after: -1 }
}

const header = (bytes: Buffer, at: number, end: number): readonly [string, string] | undefined => {
  const name = length(bytes, at, end)
  const value = name.after + name.value
  return name.after < 0 || name.value === 0 || name.value > 255 || value > end
    ? undefined
    : [bytes.toString('utf8', name.after, value), bytes.toString('utf8', value, end)]
}

const found = <A>(keys: ReadonlyArray<number>, values: ReadonlyArray<A>, key: number): A | undefined => {
  // n.b. values[-1] would be a property and no element, which is slow
  const at = keys.indexOf(key)
  return at < 0 ? undefined : values[at]
}

/**
 * The entries between `from` and `end`, or what is wrong with them. The short way for a bare pattern and time limit is
 * in `route.ts`. Arrays and no Maps: there are few entries, and every event has some.
 */
export const decodeMeta = (bytes: Buffer, from: number, end: number): Meta | string => {
  const textKeys: Array<number> = []
  const texts: Array<string> = []
  const numberKeys: Array<number> = []
  const numbers: Array<number> = []
  const headers: Array<readonly [string, string]> = []
  let headerSize = 0
  let at = from
  while (at < end) {
    const key = bytes[at] ?? 0
    const size = length(bytes, at + 1, end)
    const value = size.after
    at = value + size.value
    if (value < 0 || at > end) return 'metadata that does not end'
    const exact = numberBytes[key]
    const most = maxText[key]
    if (key === metaKey.header) {
      const one = header(bytes, value, at)
      if (one === undefined) return 'a malformed header'
      headers.push(one)
      headerSize += size.value
    } else if (exact !== undefined) {
      if (size.value !== exact) return `metadata ${String(key)} of a wrong length`
      if (numberKeys.includes(key)) return `metadata ${String(key)} twice`
      numberKeys.push(key)
      numbers.push(bytes.readUIntBE(value, exact))
    } else if (most !== undefined) {
      if (size.value > most) return `metadata ${String(key)} that is too long`
      if (textKeys.includes(key)) return `metadata ${String(key)} twice`
      const text = bytes.toString('utf8', value, at)
      textKeys.push(key)
      texts.push(text)
      const name = tracingNames[key]
      if (name !== undefined) {
        headers.push([name, text])
        headerSize += size.value
      }
    } else if (key < firstIgnorable) return `unknown metadata ${String(key)}`
  }
  if (headers.length > maxHeaders || headerSize > maxHeaderBytes + 3 * maxHeaders) return 'too many headers'
  // n.b. fromEntries defines own properties: a header named __proto__ stays a header
  const record = headers.length === 0 ? noHeaders : Object.fromEntries(headers)
  if (headers.length > 0 && Object.keys(record).length !== headers.length) return 'a header twice'
  return {
    text: (key) => found(textKeys, texts, key),
    number: (key) => found(numberKeys, numbers, key),
    headers: record,
  }
}

/** One entry on its way out: text, or a number of `numberBytes`, or raw bytes. */
export type Entry = readonly [key: number, value: string | number | Uint8Array]

const lengthBytes = (size: number): ReadonlyArray<number> =>
  size < 0x80
    ? [size]
    : size < 0x4000
      ? [(size & 0x7f) | 0x80, size >>> 7]
      : [(size & 0x7f) | 0x80, ((size >>> 7) & 0x7f) | 0x80, size >>> 14]

const valueBytes = (key: number, value: string | number | Uint8Array): Uint8Array => {
  if (typeof value === 'string') return Buffer.from(value)
  if (typeof value !== 'number') return value
  const size = numberBytes[key] ?? 4
  const bytes = Buffer.alloc(size)
  bytes.writeUIntBE(value, 0, size)
  return bytes
}

/** Entries as bytes. For what is encoded once and kept, or seldom; messages have `outgoing.ts`. */
export const encodeMeta = (entries: ReadonlyArray<Entry>): Buffer =>
  Buffer.concat(
    entries.flatMap(([key, value]) => {
      const bytes = valueBytes(key, value)
      return [Buffer.from([key, ...lengthBytes(bytes.length)]), bytes]
    }),
  )

/** The value of one header entry. */
export const headerEntry = (name: string, value: string): Entry => {
  const bytes = Buffer.from(name)
  return [metaKey.header, Buffer.concat([Buffer.from(lengthBytes(bytes.length)), bytes, Buffer.from(value)])]
}

/** Bodies to values and back. JSON by default; another format is another value of this type. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Issue } from './error.js'
import type { Body } from './settlement.js'

/** Turns encoded payloads into bodies and back. Both directions answer with issues, and never throw. */
export interface Serde {
  /** Travels with each message, so that other systems know what they read. */
  readonly contentType: string
  readonly serialize: (value: unknown) => Either<ReadonlyArray<Issue>, Body>
  readonly parse: (body: Uint8Array) => Either<ReadonlyArray<Issue>, unknown>
}

/** How deep arrays and objects may nest in a body. */
export const maxDepth = 64

const at = (expected: string): ReadonlyArray<Issue> => [{ path: '', expected }]

// The cause of JSON.stringify's refusal, without its message: that quotes property names and constructors of the value.
const serialize = (value: unknown): Either<ReadonlyArray<Issue>, Body> => {
  if (value === undefined) return E.right('')
  try {
    const text = JSON.stringify(value) as string | undefined
    return text === undefined ? E.left(at('a JSON value, not a function or a symbol')) : E.right(text)
  } catch {
    return E.left(at('a JSON value: no bigint, no cycle, and every toJSON must succeed'))
  }
}

const openings = (text: string, opening: string, most: number): number => {
  let count = 0
  for (let i = text.indexOf(opening); i !== -1 && count <= most; i = text.indexOf(opening, i + 1)) count++
  return count
}

// Deep nesting is refused by counting before JSON.parse and the codec, which recurse, ever see it. Most bodies have fewer
// openings in all than the limit, which native search finds out at once.
const tooDeep = (text: string): boolean => {
  if (openings(text, '{', maxDepth) + openings(text, '[', maxDepth) <= maxDepth) return false
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (quoted) {
      if (c === 0x5c) i++
      else if (c === 0x22) quoted = false
    } else if (c === 0x22) quoted = true
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > maxDepth) return true
    } else if (c === 0x7d || c === 0x5d) depth--
  }
  return false
}

const own = (value: object, key: string): unknown => Object.getOwnPropertyDescriptor(value, key)?.value

// Recursion is bounded: depth was checked before.
const forbidden = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(forbidden)
  if (Object.hasOwn(value, '__proto__')) return true
  const constructor = own(value, 'constructor')
  if (typeof constructor === 'object' && constructor !== null && Object.hasOwn(constructor, 'prototype')) return true
  return Object.values(value).some(forbidden)
}

// Both forbidden names hold `proto`, and a key can be spelt with escapes: two native searches clear nearly every body.
const suspicious = (text: string): boolean => text.includes('proto') || text.includes('\\u')

const wellFormed = (body: Uint8Array): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(body)
    return true
  } catch {
    return false
  }
}

// n.b. Buffer's own decoder takes 40 ns where TextDecoder takes 250.
const textOf = (body: Uint8Array): string =>
  (Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength)).toString()

const parse = (body: Uint8Array): Either<ReadonlyArray<Issue>, unknown> => {
  if (body.length === 0) return E.right(undefined)
  const text = textOf(body)
  if (text.includes('\ufffd') && !wellFormed(body)) return E.left(at('well-formed UTF-8'))
  if (tooDeep(text)) return E.left(at(`at most ${String(maxDepth)} levels of nesting`))
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return E.left(at('JSON'))
  }
  if (suspicious(text) && forbidden(value)) return E.left(at('no key __proto__ and no constructor.prototype'))
  return E.right(value)
}

/**
 * JSON in UTF-8. `undefined` is the empty body and back. `parse` refuses ill-formed UTF-8, more than 64 levels, and the
 * keys `__proto__` and `constructor.prototype`, before any codec runs.
 */
export const json: Serde = { contentType: 'application/json', serialize, parse }

/** The size of a body on the wire, in bytes. */
export const bodyBytes = (body: Body): number => (typeof body === 'string' ? Buffer.byteLength(body) : body.length)

/** Whether a body is larger than `limit` bytes; short text is not even measured. */
export const exceeds = (body: Body, limit: number): boolean => body.length > limit / 3 && bodyBytes(body) > limit

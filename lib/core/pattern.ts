/** Patterns: what messages are sent to, and endpoints listen on. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'

export type PatternValue = string | number | boolean | null | { readonly [key: string]: PatternValue }

/**
 * Plain text, a number, or any literal object; of an object the order of its keys does not matter. In text, `.` separates
 * segments; in the pattern of an event handler a segment `*` stands for any one segment and a segment `#` for any number
 * of them, none included.
 */
export type Pattern = string | number | { readonly [key: string]: PatternValue }

/** The longest canonical pattern, in bytes of UTF-8. */
export const maxPatternBytes = 200

const sorted = (value: PatternValue): string => {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${sorted(value[key] ?? null)}`)
  return `{${fields.join(',')}}`
}

const strings = (value: unknown): ReadonlyArray<string> =>
  typeof value === 'string'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => [key, ...strings(inner)])
      : []

// Without the `u` flag a surrogate pair would match as two lone halves.
const loneSurrogate = /\p{Surrogate}/u

/** Whether text is well-formed Unicode: no half of a surrogate pair stands alone, which UTF-8 could not carry. */
export const isWellFormed = (text: string): boolean => !loneSurrogate.test(text)

// Each level costs five bytes (`{"":}`), so nothing deeper can be short enough; and what contains itself ends here.
const maxDepth = maxPatternBytes / 5
const tooLong = `a pattern has at most ${String(maxPatternBytes)} bytes in canonical form`

const illFormed = (value: unknown, depth = 0): string | undefined => {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'a number must be finite'
  if (typeof value === 'boolean' || typeof value === 'string' || value === null) return undefined
  if (typeof value !== 'object') return `a ${typeof value} cannot be part of a pattern`
  if (Array.isArray(value)) return 'an array cannot be part of a pattern'
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return 'only literal objects can be part of a pattern'
  if (depth >= maxDepth) return tooLong
  for (const inner of Object.values(value)) {
    const reason = illFormed(inner, depth + 1)
    if (reason !== undefined) return reason
  }
  return undefined
}

// Text that reads like the canonical form of a number or an object is quoted, so that no two patterns share a form.
const ambiguous = (text: string): boolean =>
  text.startsWith('{') || text.startsWith('"') || String(Number(text)) === text

/**
 * The canonical text of a pattern: text as it is (quoted where it reads like a number or an object), numbers in decimal,
 * objects as JSON with sorted keys. Injective. The Left says what is wrong.
 */
export const canonical = (pattern: unknown): Either<string, string> => {
  if (typeof pattern === 'boolean' || pattern === null || pattern === undefined)
    return E.left('a pattern is text, a number or a literal object')
  const reason = illFormed(pattern)
  if (reason !== undefined) return E.left(reason)
  if (pattern === '') return E.left('a pattern cannot be empty')
  if (!strings(pattern).every(isWellFormed)) return E.left('text must be well-formed Unicode')
  const text =
    typeof pattern === 'string'
      ? ambiguous(pattern)
        ? JSON.stringify(pattern)
        : pattern
      : sorted(pattern as PatternValue)
  return new TextEncoder().encode(text).length > maxPatternBytes ? E.left(tooLong) : E.right(text)
}

const isText = (form: string): boolean => !ambiguous(form)

/** Whether a canonical pattern holds a wildcard segment. */
export const isWildcard = (form: string): boolean =>
  isText(form) && form.split('.').some((segment) => segment === '*' || segment === '#')

/** What is wrong with the wildcards of a canonical pattern, if anything: `**` looks like one and is none. */
export const wildcardMistake = (form: string): string | undefined =>
  isText(form) && form.split('.').some((segment) => /^[*#]{2,}$/.test(segment))
    ? 'a wildcard segment is * (one segment) or # (any number of them)'
    : undefined

interface Node<A> {
  readonly next: Map<string, Node<A>>
  readonly here: Array<Found<A>>
  /** It stands for `#`: it stays where it is, however many segments pass. */
  readonly many: boolean
}
interface Found<A> {
  readonly order: number
  readonly value: A
}

const node = <A>(many: boolean): Node<A> => ({ next: new Map(), here: [], many })

// A node, and those behind it that need no segment.
const enter = <A>(at: Node<A> | undefined, nodes: Set<Node<A>>): void => {
  for (let now = at; now !== undefined; now = now.next.get('#')) nodes.add(now)
}

// All nodes at once, a segment at a time: the work is segments times nodes, whatever the wildcards.
const collect = <A>(root: Node<A>, segments: ReadonlyArray<string>): ReadonlyArray<Found<A>> => {
  let nodes = new Set<Node<A>>()
  enter(root, nodes)
  for (const segment of segments) {
    const after = new Set<Node<A>>()
    for (const at of nodes) {
      if (at.many) enter(at, after)
      enter(at.next.get(segment), after)
      enter(at.next.get('*'), after)
    }
    nodes = after
  }
  return [...nodes].flatMap(({ here }) => here)
}

/**
 * Finds what listens on a canonical pattern, in the order of definition. One lookup in a Map where no wildcard is
 * defined; with wildcards, a walk over the segments, however many endpoints there are.
 */
export const router = <A>(
  entries: ReadonlyArray<{ readonly pattern: string; readonly value: A }>,
): ((form: string) => ReadonlyArray<A>) => {
  const exact = new Map<string, Array<Found<A>>>()
  const root = node<A>(false)
  let wild = false
  entries.forEach(({ pattern, value }, order) => {
    const found: Found<A> = { order, value }
    if (!isWildcard(pattern)) {
      const same = exact.get(pattern)
      if (same === undefined) exact.set(pattern, [found])
      else same.push(found)
      return
    }
    wild = true
    let at = root
    for (const segment of pattern.split('.')) {
      const next = at.next.get(segment) ?? node<A>(segment === '#')
      at.next.set(segment, next)
      at = next
    }
    at.here.push(found)
  })
  const plain = new Map([...exact].map(([form, found]) => [form, found.map(({ value }) => value)]))
  if (!wild) return (form) => plain.get(form) ?? []
  return (form) => {
    const found = isText(form) ? collect(root, form.split('.')) : []
    if (found.length === 0) return plain.get(form) ?? []
    return [...found, ...(exact.get(form) ?? [])].sort((a, b) => a.order - b.order).map(({ value }) => value)
  }
}

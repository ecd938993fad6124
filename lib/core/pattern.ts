/** Patterns: what messages are sent to, and endpoints listen on. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'

export type PatternValue = string | number | boolean | null | { readonly [key: string]: PatternValue }

/**
 * Plain text, a number, or any literal object; of an object the order of its keys does not matter. In text, `.` separates
 * segments; in the pattern of an event handler a segment `*` stands for any one segment and a last segment `#` for any
 * number of them.
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

// Each level costs five bytes (`{"":}`), so nothing deeper can be short enough; and what contains itself ends here.
const maxDepth = maxPatternBytes / 5
const tooLong = `a pattern has at most ${String(maxPatternBytes)} bytes in canonical form`

const illFormed = (value: unknown, depth = 0): string | undefined => {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'a number must be finite'
  if (typeof value === 'boolean' || typeof value === 'string' || value === null) return undefined
  if (typeof value !== 'object') return `a ${typeof value} cannot be part of a pattern`
  if (Array.isArray(value)) return 'an array cannot be part of a pattern'
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
  if (strings(pattern).some((text) => loneSurrogate.test(text))) return E.left('text must be well-formed Unicode')
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

/** What is wrong with the wildcards of a canonical event pattern, if anything: `#` may only be the last segment. */
export const wildcardMistake = (form: string): string | undefined =>
  isText(form) && form.split('.').slice(0, -1).includes('#') ? '# may only be the last segment' : undefined

interface Node<A> {
  readonly next: Map<string, Node<A>>
  readonly here: Array<Found<A>>
  readonly rest: Array<Found<A>>
}
interface Found<A> {
  readonly order: number
  readonly value: A
}

const node = <A>(): Node<A> => ({ next: new Map(), here: [], rest: [] })

const collect = <A>(at: Node<A>, segments: ReadonlyArray<string>, index: number, found: Array<Found<A>>): void => {
  found.push(...at.rest)
  const segment = segments[index]
  if (segment === undefined) {
    found.push(...at.here)
    return
  }
  const exact = at.next.get(segment)
  if (exact !== undefined) collect(exact, segments, index + 1, found)
  const any = segment === '*' ? undefined : at.next.get('*')
  if (any !== undefined) collect(any, segments, index + 1, found)
}

/**
 * Finds what listens on a canonical pattern, in the order of definition. One lookup in a Map where no wildcard is
 * defined; with wildcards, a walk over the segments, however many endpoints there are.
 */
export const router = <A>(
  entries: ReadonlyArray<{ readonly pattern: string; readonly value: A }>,
): ((form: string) => ReadonlyArray<A>) => {
  const exact = new Map<string, Array<Found<A>>>()
  const root = node<A>()
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
    const segments = pattern.split('.')
    const tail = segments.at(-1) === '#'
    let at = root
    for (const segment of tail ? segments.slice(0, -1) : segments) {
      const next = at.next.get(segment) ?? node<A>()
      at.next.set(segment, next)
      at = next
    }
    if (tail) at.rest.push(found)
    else at.here.push(found)
  })
  const plain = new Map([...exact].map(([form, found]) => [form, found.map(({ value }) => value)]))
  if (!wild) return (form) => plain.get(form) ?? []
  return (form) => {
    const found: Array<Found<A>> = []
    if (isText(form)) collect(root, form.split('.'), 0, found)
    if (found.length === 0) return plain.get(form) ?? []
    found.push(...(exact.get(form) ?? []))
    return found.sort((a, b) => a.order - b.order).map(({ value }) => value)
  }
}

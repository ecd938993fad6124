/** Whether two results are the same to anybody who looks at them, references into the input included. */
import { inspect } from 'node:util'
import type * as t from 'io-ts'

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

const insideOf = (value: unknown, found: Set<unknown> = new Set()): ReadonlySet<unknown> => {
  if (!isObject(value) || found.has(value)) return found
  found.add(value)
  for (const { value: inner } of Object.values(Object.getOwnPropertyDescriptors(value))) insideOf(inner, found)
  return found
}

/** What differs, and where; `undefined`: nothing. */
const difference = (a: unknown, b: unknown, input: ReadonlySet<unknown>, path: string): string | undefined => {
  if (Object.is(a, b)) return undefined
  if (!isObject(a) || !isObject(b)) return `${path}: ${inspect(a)} is not ${inspect(b)}`
  if (input.has(a) || input.has(b)) return `${path}: one is of the input, the other is not`
  // Where a key is called `__proto__`, the prototype is part of the result.
  const prototype = difference(Object.getPrototypeOf(a), Object.getPrototypeOf(b), input, `${path}'s prototype`)
  if (prototype !== undefined) return prototype
  if (Array.isArray(a) !== Array.isArray(b)) return `${path}: an array and none`
  if (a instanceof Date && b instanceof Date && !Object.is(a.getTime(), b.getTime())) return `${path}: another date`
  const keys = Reflect.ownKeys(a)
  const others = Reflect.ownKeys(b)
  if (keys.length !== others.length || keys.some((key, i) => key !== others[i]))
    return `${path}: keys ${keys.map(String).join()} are not ${others.map(String).join()}`
  for (const key of keys) {
    const [one, other] = [Object.getOwnPropertyDescriptor(a, key)!, Object.getOwnPropertyDescriptor(b, key)!]
    const found =
      one.enumerable !== other.enumerable || one.get !== other.get
        ? `${path}.${String(key)}: another descriptor`
        : difference(one.value, other.value, input, `${path}.${String(key)}`)
    if (found !== undefined) return found
  }
  return undefined
}

type Ended = { readonly value: unknown } | { readonly thrown: unknown }

const run = (f: () => unknown): Ended => {
  try {
    return { value: f() }
  } catch (thrown) {
    return { thrown }
  }
}

const said = (thrown: unknown): string => `${(thrown as Error).name}: ${(thrown as Error).message}`

/** Runs both and says what differs. */
export const compared = (input: unknown, expected: () => unknown, actual: () => unknown): string | undefined => {
  const [one, other] = [run(expected), run(actual)]
  if ('thrown' in one && 'thrown' in other)
    return said(one.thrown) === said(other.thrown) ? undefined : `threw ${said(other.thrown)}, not ${said(one.thrown)}`
  if ('thrown' in one) return `did not throw ${said(one.thrown)}`
  if ('thrown' in other) return `threw ${said(other.thrown)}`
  return difference(one.value, other.value, insideOf(input), 'result')
}

/** The same for what `decode` answers: errors have to name the same codecs, by identity. */
export const comparedDecoding = (
  input: unknown,
  expected: () => t.Validation<unknown>,
  actual: () => t.Validation<unknown>,
): string | undefined => {
  const contexts: Array<unknown> = []
  // Codecs within errors are compared by identity, and not looked into.
  const flattened = (decode: () => t.Validation<unknown>) => (): unknown => {
    const result = decode()
    if (result._tag === 'Right') return result
    contexts.push(...result.left.flatMap(({ context }) => context.map(({ type }) => type)))
    return { ...result, left: result.left.map((error) => ({ ...error, context: [...error.context] })) }
  }
  return compared([input, contexts], flattened(expected), flattened(actual))
}

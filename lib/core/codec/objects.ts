/** What io-ts does to objects, to the same effect. */

export type Obj = Readonly<Record<string, unknown>>

export const hasOwn = (value: object, key: string): boolean => Object.prototype.hasOwnProperty.call(value, key)

/** What `t.UnknownRecord` lets through: dates, maps and class instances, but no arrays. */
export const isRecord = (value: unknown): value is Obj =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `Object.assign({}, value)`, four times as fast: they differ only in what becomes of a key that is called `__proto__`. */
export const copy = (value: Obj): Record<string, unknown> =>
  hasOwn(value, '__proto__') ? Object.assign({}, value) : { ...value }

const isPlain = (value: unknown): value is Obj => Object.getPrototypeOf(value) === Object.prototype

const strip = (value: Obj, names: ReadonlySet<string>): Obj => {
  const own = Object.getOwnPropertyNames(value)
  if (own.every((name) => names.has(name))) return value
  const kept: Record<string, unknown> = {}
  for (const name of own) if (names.has(name)) kept[name] = value[name]
  return kept
}

/**
 * The value with none but the named properties; the same value where it has no others. It may be anything, since a user's
 * codec may have made it. A plain object is asked for its enumerable properties only, which costs a tenth of
 * `getOwnPropertyNames`: what it hides is no reason to copy it.
 */
export const stripped = (value: unknown, names: ReadonlySet<string>): unknown => {
  if (!isPlain(value)) return strip(value as Obj, names)
  for (const name in value) if (!names.has(name)) return strip(value, names)
  return value
}

/** The results of an intersection's members in one: io-ts' `mergeAll`. */
export const merged = (base: unknown, results: ReadonlyArray<unknown>): unknown => {
  if (results.every((result) => result === base)) return base
  if (!results.some(isRecord)) return results[results.length - 1]
  const all: Record<string, unknown> = {}
  const of = isRecord(base) ? base : undefined
  for (const result of results as ReadonlyArray<Obj>)
    // n.b. inherited properties, too
    for (const key in result)
      if (of === undefined || !hasOwn(all, key) || result[key] !== of[key]) all[key] = result[key]
  return all
}

/** Values made a little wrong. */
import type { Dice } from './dice.js'

// eslint-disable-next-line no-restricted-syntax -- what users hand over
class Instance {
  get inherited(): number {
    return 1
  }
}

const withGetter = (value: object, key: string, get: () => unknown): object =>
  Object.defineProperty({ ...value }, key, { get, enumerable: true, configurable: true })

const junk = (d: Dice): unknown =>
  d.pick<() => unknown>([
    () => undefined,
    () => null,
    () => NaN,
    () => -0,
    () => 'b',
    () => 1,
    () => true,
    () => [],
    () => ({}),
    () => new Date(0),
    () => new Map(),
    () => new Instance(),
    () => () => 1,
    () => Symbol.iterator,
    () => 10n,
    () => Array(2),
    () => new Error('an error'),
    () => Object.create({ a: 1, tag: 'a' }) as object,
  ])()

const inObject = (value: Record<string, unknown>, d: Dice): unknown => {
  const keys = Object.keys(value)
  const key = keys.length === 0 ? 'a' : d.pick(keys)
  const { [key]: taken, ...rest } = value
  return d.pick<() => unknown>([
    () => rest,
    () => ({ ...value, [key]: undefined }),
    () => ({ ...value, [key]: NaN }),
    () => ({ ...value, [key]: -0 }),
    () => ({ ...value, extra: 1 }),
    () => ({ extra: { deep: 1 }, ...value }),
    () => Object.fromEntries(Object.entries(value).reverse()),
    () => Object.assign([], value),
    () => Object.assign(new Instance(), value),
    () => Object.assign(new Date(0), value),
    () => Object.assign(Object.create(null) as object, value),
    () => Object.assign(Object.create({ [key]: taken }) as object, rest),
    () => Object.defineProperty(Object.assign(Object.create(null) as object, value), 'hidden', { value: 1 }),
    () => Object.freeze({ ...value }),
    () => ({ ...value, [Symbol.for('s')]: 1 }),
    () => withGetter(value, key, () => taken),
    () => withGetter(value, 'extra', () => 1),
    () => withGetter(value, key, () => { throw new Error('from a getter') }), // prettier-ignore
    () => Object.defineProperty({ ...value }, '__proto__', { value: { a: 1 }, enumerable: true }),
    () => JSON.parse('{"__proto__": {"a": 1, "tag": "a"}}') as unknown,
  ])()
}

const inArray = (value: ReadonlyArray<unknown>, d: Dice): unknown =>
  d.pick<() => unknown>([
    () => [...value, 'more'],
    () => value.slice(1),
    () => Object.assign([...value], { length: value.length + 2 }),
    () => Object.assign({}, value),
    () => Object.freeze([...value]),
    () => value.map(() => NaN),
  ])()

/** One change somewhere in it. */
export const mutated = (value: unknown, d: Dice): unknown => {
  if (typeof value !== 'object' || value === null || d.chance(10)) return junk(d)
  if (Array.isArray(value)) {
    if (value.length === 0 || d.chance(40)) return inArray(value, d)
    const at = d.below(value.length)
    return value.map((item, i): unknown => (i === at ? mutated(item, d) : item))
  }
  const keys = Object.keys(value)
  if (keys.length === 0 || d.chance(50)) return inObject(value as Record<string, unknown>, d)
  const key = d.pick(keys)
  return { ...value, [key]: mutated((value as Record<string, unknown>)[key], d) }
}

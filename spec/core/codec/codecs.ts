/** Codecs at random, each with the values that it is for. */
import * as t from 'io-ts'
import { compileWith } from '../../../lib/core/codec/compile.js'
import type { Dice } from './dice.js'

export interface Made {
  readonly codec: t.Any
  /** A value that it decodes, more often than not. */
  readonly value: (d: Dice) => unknown
}

/** What predicates and opaque codecs were called with. */
export type Calls = Array<readonly [name: string, ...args: ReadonlyArray<unknown>]>

const text = (d: Dice): string => d.pick(['', 'a', 'b', 'abc', '__proto__', 'x'.repeat(12)])
const number = (d: Dice): number => d.pick([0, 1, -1, 2.5, 7, 1e9, NaN, -0])
const int = (d: Dice): number => d.pick([0, 1, 2, 3])

const keys = ['a', 'b', 'c', 'tag', '0', '7', 'x-y', '"q\\\n', "';", '${z}', 'constructor', 'toString', '\u2028']

const clone = <C extends t.Any>(codec: C, change: Partial<t.Any>): C =>
  Object.assign(Object.create(Object.getPrototypeOf(codec) as object) as C, codec, change)

/** As io-ts-types does it: the tag stays. */
const withValidate = <C extends t.Any>(codec: C, validate: t.Any['validate']): C =>
  clone(codec, { validate, decode: (value: unknown) => validate(value, [{ key: '', type: codec, actual: value }]) })

const noted = (calls: Calls, name: string, codec: t.Any): t.Any =>
  new t.Type<unknown>(
    name,
    codec.is,
    (value, context) => {
      // n.b. the `decode` of a copy is bound to the original, which io-ts then names as the root
      const [, ...types] = context.map(({ type }) => type.name)
      calls.push([name, value, context.map(({ key, actual }) => [key, actual]), types])
      return codec.validate(value, context)
    },
    codec.encode,
  )

const NumberFromString = new t.Type<number, string>(
  'NumberFromString',
  t.number.is,
  (value, context) =>
    typeof value === 'string' && value !== '' && !Number.isNaN(Number(value))
      ? t.success(Number(value))
      : t.failure(value, context),
  (value, ...more: ReadonlyArray<unknown>) => `${String(value)}/${more.length}`,
)
const DateFromText = new t.Type<Date, string>(
  'DateFromText',
  (value): value is Date => value instanceof Date,
  (value, context) =>
    typeof value === 'string' && value !== '' ? t.success(new Date(value)) : t.failure(value, context, 'a date'),
  (value) => value.toJSON(),
)
const Default = new t.Type<unknown>(
  'Default',
  t.unknown.is,
  (value) => t.success(value === undefined ? 'default' : value),
  t.identity,
)
const Throwing = new t.Type<unknown>(
  'Throwing',
  t.unknown.is,
  (value) => {
    if (value === 'b') throw new RangeError('no b')
    return t.success(value)
  },
  (value) => {
    if (value === 'b') throw new RangeError('no b')
    return value
  },
)

const leaves = (calls: Calls): ReadonlyArray<Made> => {
  const noting =
    (name: string, test: (value: never) => boolean) =>
    (value: never): boolean => {
      calls.push([name, value])
      return test(value)
    }
  const short = t.refinement(t.string, noting('short', (value: string) => value.length < 5) as (a: string) => boolean)
  const positive = t.brand(
    t.number,
    noting('positive', (value: number) => value > 0) as unknown as (
      n: number,
    ) => n is t.Branded<number, { readonly P: symbol }>,
    'P',
  )
  const present = t.refinement(t.unknown, noting('present', (value) => value !== null) as (a: unknown) => boolean)
  return [
    { codec: t.string, value: text },
    { codec: t.string, value: text },
    { codec: t.number, value: number },
    { codec: t.boolean, value: (d) => d.chance(50) },
    { codec: t.bigint, value: (d) => BigInt(d.below(3)) },
    { codec: t.null, value: () => null },
    { codec: t.undefined, value: () => undefined },
    { codec: t.void, value: () => undefined },
    { codec: t.unknown, value: (d) => d.pick<unknown>([undefined, 1, NaN, {}, []]) },
    { codec: t.any, value: (d) => d.pick<unknown>([undefined, 1, NaN, {}, []]) },
    { codec: t.never as unknown as t.Any, value: () => 1 },
    { codec: t.Function, value: (d) => d.pick([() => 1, {}]) },
    { codec: t.UnknownArray, value: () => [1, 2] },
    { codec: t.UnknownRecord, value: (d) => d.pick<unknown>([{ a: 1 }, new Date(0), new Map()]) },
    { codec: t.Int, value: int },
    { codec: t.literal('a'), value: () => 'a' },
    { codec: t.literal(0), value: (d) => d.pick([0, -0]) },
    { codec: t.literal(-0), value: (d) => d.pick([0, -0]) },
    { codec: t.literal(true), value: () => true },
    { codec: t.keyof({ a: 1, b: 2, abc: 3 }), value: text },
    { codec: short, value: text },
    { codec: positive, value: number },
    { codec: present, value: (d) => d.pick<unknown>([undefined, null, 1]) },
    { codec: NumberFromString, value: (d) => d.pick(['1', '2', 'x']) },
    { codec: noted(calls, 'Noted', t.string), value: text },
    { codec: DateFromText, value: () => '2026-01-01T00:00:00.000Z' },
    { codec: Default, value: (d) => d.pick<unknown>([undefined, 1]) },
    { codec: Throwing, value: text },
    {
      codec: withValidate(t.string, (value) => t.success(typeof value === 'string' ? value : 'fallback')),
      value: text,
    },
    { codec: withValidate(t.literal('a'), (value, context) => (value === 'b' ? t.success('a') : t.failure(value, context))), value: text }, // prettier-ignore
    { codec: clone(t.string, { encode: (value: string) => `<${value}>` }), value: text },
    { codec: t.union([t.string, t.undefined]), value: (d) => d.pick(['a', undefined]) },
    { codec: t.string.pipe(NumberFromString as unknown as t.Type<number, string, string>), value: () => '5' },
  ]
}

type Props = Readonly<Record<string, Made>>

const object = (d: Dice, props: Props, optional: boolean): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(props).flatMap(([key, { value }]) => (optional && d.chance(30) ? [] : [[key, value(d)]])),
  )

const codecsOf = (props: Props): t.AnyProps =>
  Object.fromEntries(Object.entries(props).map(([key, { codec }]) => [key, codec]))

/** A codec of at most this depth. */
export const made = (d: Dice, depth: number, calls: Calls): Made => {
  const all = leaves(calls)
  const build = (left: number): Made => {
    if (left === 0 || d.chance(10)) return d.pick(all)
    const inner = (): Made => build(left - 1)
    const several = (from: number): ReadonlyArray<Made> => Array.from({ length: from + d.below(3) }, inner)
    const props = (): Props => Object.fromEntries(several(0).map((one) => [d.pick(keys), one]))
    const struct = (): Made => {
      const of = props()
      return d.chance(60)
        ? { codec: t.type(codecsOf(of)), value: (e) => object(e, of, false) }
        : { codec: t.partial(codecsOf(of)), value: (e) => object(e, of, true) }
    }
    const merged = (parts: ReadonlyArray<Made>): Made => ({
      codec: t.intersection(parts.map(({ codec }) => codec) as [t.Any, t.Any]),
      value: (e) => Object.assign({}, ...parts.map(({ value }) => value(e))),
    })
    const passed = (calls: Calls, value: unknown): boolean => {
      calls.push(['object', value])
      return true
    }
    const hasProps = (): Made => {
      const of = d.chance(60) ? struct() : merged([struct(), struct()])
      if (d.chance(20)) return { ...of, codec: t.readonly(of.codec) }
      return d.chance(20) ? { ...of, codec: t.refinement(of.codec, (value) => passed(calls, value)) } : of
    }
    const exact = (): Made => {
      const of = hasProps()
      return { ...of, codec: t.exact(of.codec as t.HasProps) }
    }
    const tagged = (): Made => {
      const cases = ['a', 'b', 'c'].slice(0, 2 + d.below(2)).map((tag): Made => {
        const of = { ...props(), tag: { codec: t.literal(tag), value: () => tag } }
        const codec = t.type(codecsOf(of))
        return { codec: d.chance(40) ? t.exact(codec) : codec, value: (e) => object(e, of, false) }
      })
      return { codec: t.union(cases.map(({ codec }) => codec) as [t.Any, t.Any]), value: (e) => e.pick(cases).value(e) }
    }
    const entries = (item: Made, names: ReadonlyArray<string>) => (e: Dice) =>
      Object.fromEntries(names.filter(() => e.chance(70)).map((name) => [name, item.value(e)]))
    const choices: ReadonlyArray<() => Made> = [
      struct,
      struct,
      exact,
      exact,
      tagged,
      () => {
        const item = inner()
        const codec = d.chance(50) ? t.array(item.codec) : t.readonlyArray(item.codec)
        return { codec, value: (e) => Array.from({ length: e.below(4) }, () => item.value(e)) }
      },
      () => {
        const items = several(1)
        return {
          codec: t.tuple(items.map(({ codec }) => codec) as [t.Any]),
          value: (e) => [...items.map(({ value }) => value(e)), ...(e.chance(20) ? ['more'] : [])],
        }
      },
      () => {
        const item = inner()
        return { codec: t.record(t.string, item.codec), value: entries(item, keys) }
      },
      () => {
        const item = inner()
        const domain = d.pick<t.Mixed>([
          t.keyof({ a: 1, b: 1 }),
          t.literal('a'),
          t.union([t.literal('a'), t.literal('7')]),
        ])
        const names = domain.name.includes('b') ? ['a', 'b'] : ['a', '7']
        return { codec: t.record(domain, item.codec), value: (e) => Object.fromEntries(names.map((name) => [name, item.value(e)])) } // prettier-ignore
      },
      () => {
        const item = inner()
        const upper = new t.Type<string>(
          'Upper',
          t.string.is,
          (value, context) => (value === 'x-y' ? t.failure(value, context) : t.success(String(value).toUpperCase())),
          (value) => value.toLowerCase(),
        )
        const one = t.refinement(t.string, (value) => value.length === 1)
        return { codec: t.record(d.pick<t.Mixed>([one, upper]), item.codec), value: entries(item, keys) }
      },
      () => {
        const members = several(2)
        return { codec: t.union(members.map(({ codec }) => codec) as [t.Any, t.Any]), value: (e) => e.pick(members).value(e) } // prettier-ignore
      },
      () => merged([d.chance(50) ? exact() : hasProps(), d.chance(50) ? exact() : hasProps()]),
      () => merged([inner(), inner()]),
      () => {
        const of = inner()
        return { ...of, codec: t.readonly(of.codec) }
      },
      () => {
        const of = inner()
        const predicate = (value: unknown): boolean => {
          calls.push(['any', value])
          return value !== 'b'
        }
        return { ...of, codec: t.refinement(of.codec, predicate) }
      },
      () => {
        const of = inner()
        const self = (codec: t.Any): t.Any => {
          const list = t.array(codec)
          const next = t.type({ of: of.codec, next: t.union([codec, t.null]) })
          return d.chance(50) ? t.type({ of: of.codec, all: list }) : d.chance(50) ? next : t.exact(next)
        }
        const codec: t.Any = t.recursion('Self', self)
        const value = (e: Dice): unknown => ({
          of: of.value(e),
          next: e.chance(50) ? null : value(e),
          all: e.chance(60) ? [] : [value(e)],
        })
        return { codec, value }
      },
      () => {
        const of = inner()
        const even: t.Any = t.recursion('Even', () => t.partial({ odd, of: of.codec }))
        const odd: t.Any = t.recursion('Odd', () => t.strict({ even: t.union([even, t.undefined]) }))
        return { codec: even, value: (e) => ({ of: of.value(e), odd: { even: { of: of.value(e) } } }) }
      },
      () => {
        const of = inner()
        return { ...of, codec: compileWith(d.pick(['generated', 'closures'] as const))(of.codec) }
      },
      () => {
        const of = inner()
        return { ...of, codec: withValidate(of.codec, (value, context) => (value === 'c' ? t.success('C') : of.codec.validate(value, context))) } // prettier-ignore
      },
      () => {
        const of = inner()
        return { ...of, codec: noted(calls, 'Around', of.codec) }
      },
      () => {
        const of = inner()
        return { ...of, codec: clone(of.codec, { name: 'Renamed', encode: (value: unknown) => [value] }) }
      },
    ]
    return d.pick(choices)()
  }
  return build(depth)
}

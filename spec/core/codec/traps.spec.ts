/** Where code made of a codec could go another way than io-ts: one test for each. */
import * as t from 'io-ts'
import { describe, expect, test } from 'vitest'
import { planOf } from '../../../lib/core/codec/analyse.js'
import { compileWith, type BackEnd } from '../../../lib/core/codec/compile.js'
import { compared, comparedDecoding } from './same.js'

const right = (codec: t.Any, input: unknown): unknown => {
  const result = codec.decode(input)
  return result._tag === 'Right' ? (result.right as unknown) : 'Left'
}

/** The tags of the plan's first levels: that it is fast, and does not just ask io-ts. */
const known = (codec: t.Any): boolean => planOf(codec)._tag !== 'Opaque'

const copyOf = <C extends t.Any>(codec: C, change: object): C =>
  Object.assign(Object.create(Object.getPrototypeOf(codec) as object) as C, codec, change)

const own = (text: string): unknown => JSON.parse(text)

describe.each<BackEnd>(['generated', 'closures'])('a compiled codec (%s) does as io-ts', (backEnd) => {
  const agree = (codec: t.Any, ...inputs: ReadonlyArray<unknown>): void => {
    const compiled = compileWith(backEnd)(codec)
    for (const input of inputs) {
      expect(comparedDecoding(input, () => codec.decode(input), () => compiled.decode(input))).toBeUndefined() // prettier-ignore
      expect(compared(input, () => codec.encode(input), () => compiled.encode(input))).toBeUndefined() // prettier-ignore
    }
  }
  const compile = compileWith(backEnd)

  describe('where a tag proves nothing', () => {
    const fallback = (codec: t.Any): t.Any => {
      const validate = (value: unknown, context: t.Context) => {
        const result = codec.validate(value, context)
        return result._tag === 'Right' ? result : t.success('fallback')
      }
      return copyOf(codec, { validate, decode: (value: unknown) => validate(value, []) })
    }
    test.each<readonly [string, t.Any, unknown]>([
      ['primitive', t.string, 1],
      ['type', t.type({ a: t.string }), { a: 1 }],
      ['partial', t.partial({ a: t.string }), { a: 1 }],
      ['exact', t.strict({ a: t.string }), { a: 1 }],
      ['array', t.array(t.string), [1]],
      ['literal', t.literal('a'), 'b'],
      ['keyof', t.keyof({ a: null }), 'b'],
      ['refinement', t.Int, 1.5],
      ['union', t.union([t.string, t.null]), 1],
      ['record', t.record(t.string, t.string), { a: 1 }],
      ['tuple', t.tuple([t.string]), [1]],
      ['intersection', t.intersection([t.type({ a: t.string }), t.type({})]), { a: 1 }],
      ['readonly', t.readonly(t.type({ a: t.string })), { a: 1 }],
    ])('a %s with a validate of its own', (_, stock, wrong) => {
      const codec = fallback(stock)
      expect(right(compile(codec), wrong)).toBe('fallback')
      expect(right(compile(t.type({ in: codec })), { in: wrong })).toEqual({ in: 'fallback' })
      expect(known(stock)).toBe(true)
      expect(known(codec)).toBe(false)
    })

    test('a codec with an encode of its own, which decodes fast all the same', () => {
      const Loud = copyOf(t.string, { encode: (text: string) => text.toUpperCase() })
      agree(t.type({ a: Loud, b: t.exact(t.type({ c: Loud })) }), { a: 'x', b: { c: 'y', d: 1 } }, { a: 1 })
      const Shut = copyOf(t.type({ a: t.string }), { encode: () => 'shut' })
      expect(compile(Shut).encode({ a: 'x' })).toBe('shut')
      expect(known(Shut)).toBe(true)
    })

    test('a codec with a decode of its own', () => {
      const decode = () => t.success('mine')
      expect(right(compile(copyOf(t.string, { decode })), 1)).toBe('mine')
    })
  })

  test('NaN makes a copy of what it is in', () => {
    const value = { a: NaN, b: [NaN], c: { d: NaN } }
    const codec = t.type({ a: t.number, b: t.array(t.number), c: t.record(t.string, t.unknown) })
    agree(codec, value, NaN)
    expect(right(compile(codec), value)).not.toBe(value)
    agree(t.union([t.type({ a: t.number }), t.type({ a: t.unknown, b: t.string })]), { a: NaN, b: '' })
    agree(t.number, NaN)
  })

  test('a missing member that may be undefined is added, an undefined one is not', () => {
    const codec = t.type({ a: t.union([t.string, t.undefined]), b: t.unknown, c: t.number })
    agree(codec, { c: 1 }, { a: undefined, b: undefined, c: 1 }, { b: 1, c: 1 })
    agree(t.array(codec), [{ c: 1 }, { a: '', b: 1, c: 1 }])
    expect(Object.keys(right(compile(codec), { c: 1 }) as object)).toEqual(['c', 'a', 'b'])
    const whole = { a: undefined, b: undefined, c: 1 }
    expect(right(compile(codec), whole)).toBe(whole)
  })

  test('giving up is not failing: a union does not go on to its next member', () => {
    const First = t.type({ a: t.number })
    const Second = new t.Type<unknown>('Second', t.unknown.is, () => t.success('second'), t.identity)
    agree(t.union([First, Second]), { a: NaN })
    agree(t.union([t.type({ a: t.literal(0) }), Second]), { a: -0 })
    expect(right(compile(t.union([First, Second])), { a: NaN })).toEqual({ a: NaN })
  })

  test('what throws after a failure throws, where the failure is not the end', () => {
    const Throwing = new t.Type<string>('T', t.string.is, () => { throw new Error('a codec') }, t.identity) // prettier-ignore
    const picky = t.refinement(t.string, () => { throw new Error('a predicate') }) // prettier-ignore
    for (const thrower of [Throwing, picky]) {
      const member = t.type({ a: t.string, b: thrower })
      agree(t.union([member, t.unknown]), { a: 1, b: '' }, { b: '' }, 1)
      agree(t.union([t.readonly(t.array(t.refinement(member, () => true))), t.unknown]), [{ a: 1, b: '' }], [])
      expect(() => compile(t.union([member, t.unknown])).decode({ b: '' })).toThrow(/^a /)
    }
    agree(t.partial({ a: t.intersection([t.string, t.refinement(t.unknown, () => { throw new Error('a predicate') })]) }), {}) // prettier-ignore
  })

  test('a literal answers with its own zero', () => {
    for (const zero of [0, -0]) {
      agree(t.literal(zero), 0, -0)
      expect(Object.is(right(compile(t.literal(zero)), 0), zero)).toBe(true)
      expect(Object.is(right(compile(t.literal(zero)), -0), zero)).toBe(true)
      agree(t.type({ a: t.literal(zero) }), { a: 0 }, { a: -0 })
      agree(t.union([t.literal(0), t.literal(-0)]), 0, -0)
    }
  })

  test('dates, maps and class instances are records, arrays are not', () => {
    const values = [
      new Date(0),
      new Map(),
      Object.create({ a: 1 }),
      Object.create(null),
      [],
      Object.assign([], { a: 1 }),
    ]
    for (const codec of [
      t.type({}),
      t.partial({ a: t.number }),
      t.UnknownRecord,
      t.record(t.string, t.number),
      t.strict({ a: t.number }),
    ])
      // prettier-ignore
      agree(codec, ...values)
    expect(right(compile(t.type({})), [])).toBe('Left')
  })

  test('a record of any lets arrays through, one of unknown does not', () => {
    agree(t.record(t.string, t.any), [1], { a: 1 }, null)
    agree(t.record(t.string, t.unknown), [1], { a: 1 })
    expect(right(compile(t.record(t.string, t.any)), [1])).toEqual([1])
    expect(right(compile(t.record(t.string, t.unknown)), [1])).toBe('Left')
  })

  test('a record with a refined domain drops the keys that are not of it, and keeps the rest', () => {
    const short = t.refinement(t.string, (key) => key.length < 2)
    agree(t.record(short, t.number), { a: 1, bb: 'no number' }, { a: 1 }, { a: 'x' })
    expect(right(compile(t.record(short, t.number)), { a: 1, bb: 2 })).toEqual({ a: 1 })
  })

  test('a record with named keys is strict', () => {
    const named = t.record(t.keyof({ a: null, b: null }), t.number)
    agree(named, { a: 1, b: 2 }, { a: 1, b: 2, c: 3 }, { a: 1 })
    agree(t.record(t.union([t.literal('a'), t.literal('b')]), t.string), { b: '', a: '', c: '' })
    expect(right(compile(named), { a: 1, b: 2, c: 3 })).toEqual({ a: 1, b: 2 })
  })

  test('exact copies where there is more, and only there', () => {
    const codec = t.exact(t.intersection([t.type({ a: t.number }), t.partial({ b: t.number })]))
    const [fits, more] = [
      { b: 1, a: 1 },
      { x: 1, b: 1, a: 1 },
    ]
    agree(codec, fits, more, { a: 1, [Symbol.for('s')]: 1 }, { a: 1, x: 1, [Symbol.for('s')]: 1 })
    expect(right(compile(codec), fits)).toBe(fits)
    expect(Object.keys(right(compile(codec), more) as object)).toEqual(['b', 'a'])
    const wide = t.strict(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, t.unknown])))
    const all = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${39 - i}`, i]))
    agree(wide, all, { ...all, more: 1 })
    // What an error, or an object without a prototype, hides is stripped like the rest.
    agree(t.strict({}), new Error('with a stack'), Object.defineProperty(Object.create(null), 'hidden', { value: 1 }))
  })

  test('a tuple is cut to its length', () => {
    const codec = t.tuple([t.string, t.number])
    agree(codec, ['a', 1], ['a', 1, 2], ['a'], [])
    expect(right(compile(codec), ['a', 1, 2])).toEqual(['a', 1])
  })

  test('an intersection merges what its members made, and is its input where they made nothing', () => {
    const same = t.intersection([t.type({ a: t.number }), t.partial({ b: t.number })])
    const exact = t.intersection([t.strict({ a: t.number }), t.exact(t.partial({ b: t.number }))])
    const value = { b: 1, a: 1, c: 1 }
    agree(same, value, { a: 1 }, { a: 'x' })
    agree(exact, value, { a: 1 }, {}, Object.create({ a: 1 }))
    agree(t.intersection([t.number, t.Int]), 1, 1.5, NaN)
    const N = new t.Type<number, string>('N', t.number.is, (u) => t.success(Number(u)), String)
    agree(t.intersection([t.type({ a: N }), t.type({ b: t.string })]), { a: '1', b: '' })
    expect(right(compile(same), value)).toBe(value)
    expect(right(compile(exact), value)).toEqual({ a: 1, b: 1 })
  })

  test('a tagged union is decided by its tag, errors included', () => {
    const A = t.type({ tag: t.literal('a'), x: t.number })
    const B = t.intersection([t.strict({ tag: t.literal('b') }), t.partial({ y: t.string })])
    agree(t.union([A, B]), { tag: 'a', x: 1 }, { tag: 'b', y: '', z: 1 }, { tag: 'c' }, {}, [], { tag: 'a' })
    const Zero = t.union([t.type({ n: t.literal(0) }), t.type({ n: t.literal(1) })])
    agree(Zero, { n: 0 }, { n: -0 }, { n: NaN }, { n: 1 })
  })

  test('a partial lets undefined pass where its member refuses it, and only undefined', () => {
    const seen: Array<unknown> = []
    const noting = t.refinement(t.union([t.undefined, t.string]), (value) => seen.push(value) < 0)
    const codec = t.partial({ a: t.string, b: noting })
    agree(codec, {}, { a: undefined }, { a: null }, { b: undefined }, { b: '' })
    seen.length = 0
    right(compile(codec), { a: 'x' })
    expect(seen).toEqual([undefined])
    const Default = new t.Type<unknown>('Default', t.unknown.is, (u) => t.success(u ?? 'default'), t.identity)
    expect(right(compile(t.partial({ a: Default })), {})).toEqual({ a: 'default' })
  })

  test('a member called __proto__ stays with io-ts', () => {
    const codec = t.type({ ['__proto__']: t.string })
    expect(known(codec)).toBe(false)
    agree(codec, {}, own('{"__proto__": "x"}'))
    agree(t.strict({ a: t.type({ ['__proto__']: t.string }) }), { a: own('{"__proto__": "x"}') })
  })

  test('a value with a key called __proto__ changes no prototype but where io-ts changes it', () => {
    const value = own('{"__proto__": {"a": 1}, "b": "2"}')
    const N = new t.Type<number, string>('N', t.number.is, (u) => t.success(Number(u)), String)
    for (const codec of [
      t.type({ b: N }),
      t.strict({ b: N }),
      t.record(t.string, t.unknown),
      t.record(t.string, N),
      t.partial({ a: t.number }),
    ])
      // prettier-ignore
      agree(codec, value)
    expect(({} as { readonly a?: unknown }).a).toBeUndefined()
  })

  test('encoding copies what io-ts copies, and nothing else', () => {
    const inner = t.strict({ a: t.number })
    const value = { in: { a: 1 }, list: [{ a: 1 }], opt: undefined, any: [] }
    const codec = t.type({ in: inner, list: t.array(inner), any: t.unknown })
    agree(codec, value, { in: { a: 1, b: 2 }, list: [], any: 0 }, undefined, null, 'text', [], { in: null })
    agree(t.partial({ in: inner }), value, {}, Object.create({ in: { a: 1 } }))
    agree(t.record(t.string, inner), { x: { a: 1, b: 1 } }, undefined)
    agree(t.union([inner, t.null]), { a: 1, b: 1 }, null, 'neither')
    agree(t.tuple([inner]), [{ a: 1, b: 1 }, 2], [], 1)
    agree(t.array(inner), Array(2), [{ a: 1, b: 1 }], 1)
    expect(compile(inner).encode({ a: 1 })).toEqual({ a: 1 })
    const plain = t.type({ a: t.number })
    expect(compile(plain).encode).toBe(t.identity)
  })

  test('holes, frozen values and subclasses of arrays stay what they are', () => {
    // eslint-disable-next-line no-restricted-syntax -- somebody else's
    class Many extends Array<unknown> {}
    const frozen = Object.freeze({ a: Object.freeze(['1']) })
    const N = new t.Type<number, string>('N', t.number.is, (u) => t.success(Number(u)), String)
    agree(t.array(t.unknown), Array(3), Many.from([1, 2]))
    agree(t.array(N), ['1', , '3'], Many.from(['1', '2'])) // eslint-disable-line no-sparse-arrays
    agree(t.type({ a: t.readonlyArray(N) }), frozen)
    agree(t.readonly(t.type({ a: t.array(t.string) })), frozen)
    expect(Object.isFrozen(right(compile(t.readonly(t.type({ a: t.number }))), { a: 1 }))).toBe(false)
  })

  test('a property is read once on the way to each codec, and what it throws is thrown', () => {
    let reads = 0
    const counting = { get a() { return (reads += 1) } } // prettier-ignore
    const compiled = compile(t.type({ a: t.number }))
    compiled.decode(counting)
    expect(reads).toBe(1)
    const hostile = { get a(): never { throw new Error('hostile') } } // prettier-ignore
    expect(() => compiled.decode(hostile)).toThrow('hostile')
  })

  test('predicates see what was decoded, once, and may throw', () => {
    const seen: Array<unknown> = []
    const even = t.refinement(t.strict({ a: t.number }), (value) => seen.push(value) > 0)
    right(compile(t.type({ in: even })), { in: { a: 1, b: 2 } })
    expect(seen).toEqual([{ a: 1 }])
    const codec = t.refinement(t.string, () => { throw new Error('a predicate') }) // prettier-ignore
    expect(() => compile(codec).decode('')).toThrow('a predicate')
    expect(right(compile(codec), 1)).toBe('Left')
    const Throwing = new t.Type<string>('T', t.string.is, () => { throw new Error('a codec') }, t.identity) // prettier-ignore
    expect(() => compile(t.array(Throwing)).decode([1])).toThrow('a codec')
  })

  test('an opaque codec is given the context that io-ts gives it', () => {
    const paths: Array<string> = []
    const Noting = new t.Type<string>(
      'Noting',
      t.string.is,
      (value, context) => {
        paths.push(context.map(({ key, type }) => `${key}:${type.name}`).join(' '))
        return t.string.validate(value, context)
      },
      t.identity,
    )
    const self: t.Any = t.recursion('Self', () => t.strict({ of: Noting, next: t.union([t.null, self]) }))
    const codec = t.type({
      list: t.array(t.tuple([t.Int, Noting])),
      by: t.record(t.string, t.intersection([t.partial({ x: Noting }), t.UnknownRecord])),
      self,
    })
    const value = { list: [[1, 'a']], by: { k: { x: 'b' } }, self: { of: 'c', next: { of: 'd', next: null } } }
    codec.decode(value)
    const expected = paths.splice(0)
    expect(expected).toHaveLength(4)
    compile(codec).decode(value)
    expect(paths).toEqual(expected)
  })

  test('recursion, mutual recursion and a codec that contains itself without it', () => {
    interface Tree {
      readonly all: ReadonlyArray<Tree>
    }
    const Tree: t.Type<Tree> = t.recursion('Tree', () => t.strict({ all: t.readonlyArray(Tree) }))
    agree(Tree, { all: [{ all: [], more: 1 }, { all: [{ all: [] }] }] }, { all: [{ all: [1] }] }, 1)
    const Even: t.Any = t.recursion('Even', () => t.union([t.null, t.tuple([Odd])]))
    const Odd: t.Any = t.recursion('Odd', () => t.tuple([Even]))
    agree(Even, null, [[null]], [[[[null]]]], [null], [[]])
    const props: { a: t.Any } = { a: t.null }
    const Cyclic = t.partial(props)
    props.a = Cyclic
    agree(Cyclic, {}, { a: { a: {} } }, { a: { a: 1 } })
    const Failing: t.Any = t.recursion('Failing', () => { throw new Error('no definition') }) // prettier-ignore
    expect(() => compile(Failing).decode(1)).toThrow('no definition')
  })

  test('names that need escaping', () => {
    const names = ['"', "'", '`${x}`', '\\', '\n', '\u2028', '*/', '</script>', '', 'constructor', 'hasOwnProperty', '0', 'value'] // prettier-ignore
    const codec = t.strict(Object.fromEntries(names.map((name) => [name, t.literal(name)])))
    const value = Object.fromEntries(names.map((name) => [name, name]))
    agree(codec, value, { ...value, more: 1 }, { ...value, '"': 1 })
    const tagged = t.union([t.type({ '"\\': t.literal('";x') }), t.type({ '"\\': t.literal('y') })])
    agree(tagged, { '"\\': '";x' }, { '"\\': 'z' })
    agree(
      t.refinement(t.type({ a: t.string }, '*/ name'), () => true, '\n throw 1'),
      { a: '' },
      { a: 1 },
    )
  })

  test('codecs that are very wide, very deep, or the same over and over', () => {
    const wide = t.strict(Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`k${i}`, t.number])))
    const value = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`k${i}`, i]))
    agree(wide, value, { ...value, more: 1 }, { ...value, k2999: '' })
    const nested = (depth: number): readonly [t.Any, unknown] => {
      let codec: t.Any = t.strict({ a: t.string })
      let of: unknown = { a: '' }
      for (let i = 0; i < depth; i++) {
        codec = t.type({ a: codec, b: t.array(t.union([t.null, t.string])) }, 'Nested')
        of = { a: of, b: [null] }
      }
      return [codec, of]
    }
    const [deep, at] = nested(300)
    agree(deep, at)
    const [tooDeep] = nested(20_000)
    expect(right(compile(tooDeep), 1)).toBe('Left')
    let doubled: t.Any = t.Int
    for (let i = 0; i < 40; i++) doubled = t.type({ a: doubled, b: doubled }, 'Doubled')
    expect(right(compile(doubled), { a: 1 })).toBe('Left')
  })
})

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as t from 'io-ts'
import { compileCodec } from 'taskwire'
import { describe, expect, test, vi } from 'vitest'
import { planOf } from '../../../lib/core/codec/analyse.js'
import { closures } from '../../../lib/core/codec/closures.js'
import { compileWith } from '../../../lib/core/codec/compile.js'
import { generated } from '../../../lib/core/codec/generate.js'
import { traitsOf } from '../../../lib/core/codec/traits.js'

const User = t.type({ id: t.string, tags: t.array(t.string) })
const ada = { id: '1', tags: ['a'] }

describe('compileCodec', () => {
  test('keeps what a codec is: name, tag, parts, guard and class', () => {
    const compiled = compileCodec(User)
    expect(compiled).not.toBe(User)
    expect(compiled).toBeInstanceOf(t.InterfaceType)
    expect([compiled.name, compiled._tag, compiled.props, compiled.is]).toEqual([User.name, 'InterfaceType', User.props, User.is]) // prettier-ignore
    expect(Object.keys(compiled)).toEqual(Object.keys(User))
  })

  test('leaves the codec as it was', () => {
    const before = { ...User }
    compileCodec(User).decode(ada)
    expect(compileCodec(Object.freeze(t.type(User.props))).decode(ada)).toEqual(t.success(ada))
    expect({ ...User }).toEqual(before)
  })

  test('changes nothing the second time', () => {
    const compiled = compileCodec(User)
    expect(compileCodec(compiled)).toBe(compiled)
  })

  test('decodes what is valid without asking io-ts, and asks it about the rest', () => {
    const compiled = compileCodec(User)
    compiled.decode(ada)
    // n.b. only now: a codec with a spy for its `validate` is not what io-ts made
    const asked = vi.spyOn(User, 'validate')
    expect(compiled.decode(ada)).toEqual({ _tag: 'Right', right: ada })
    expect(asked).not.toHaveBeenCalled()
    const errors = compiled.decode({ id: 1 })
    expect(asked).toHaveBeenCalledOnce()
    asked.mockRestore()
    expect(errors).toEqual(User.decode({ id: 1 }))
  })

  test('does nothing before the first use', () => {
    let defined = 0
    interface List {
      readonly next: List | null
    }
    const List: t.Type<List> = t.recursion('List', (self) => {
      defined += 1
      // In its own definition a codec has no members yet.
      return t.readonly(compileCodec(t.type({ next: t.union([self, t.null]) })))
    })
    const compiled = compileCodec(List)
    expect(defined).toBe(0)
    expect(compiled.decode({ next: { next: null } })._tag).toBe('Right')
    expect(compiled.decode({ next: { next: 1 } })).toEqual(List.decode({ next: { next: 1 } }))
  })

  test.each<readonly [string, (codec: typeof User) => t.Any, unknown]>([
    ['array', (codec) => t.array(codec), [ada]],
    ['exact', (codec) => t.exact(codec), { ...ada, more: 1 }],
    ['intersection', (codec) => t.intersection([codec, t.partial({ b: t.number })]), ada],
    ['readonly', (codec) => t.readonly(codec), ada],
    ['refinement', (codec) => t.refinement(codec, ({ id }) => id !== ''), ada],
    ['record', (codec) => t.record(t.string, codec), { a: ada }],
    ['pipe', (codec) => new t.Type('Any', t.unknown.is, t.success, t.identity).pipe(codec as never), ada],
    ['its own members', (codec) => t.type({ ...codec.props, id: codec.props.id }), ada],
    ['tagged union', (codec) => t.union([compileCodec(t.type({ k: t.literal('a'), codec })), t.type({ k: t.literal('b') })]), { k: 'a', codec: ada }], // prettier-ignore
  ])('goes wherever the codec goes: %s', (_, around, value) => {
    const [plain, compiled] = [around(User), around(compileCodec(User))]
    for (const codec of [compiled, compileCodec(compiled)]) {
      expect(codec.name).toBe(plain.name)
      expect(codec.decode(value)).toEqual(plain.decode(value))
      expect(codec.encode(value)).toEqual(plain.encode(value))
      expect(codec.is(value)).toBe(plain.is(value))
      const messages = (one: t.Any): unknown => {
        const result = one.decode({ k: 'a' })
        return result._tag === 'Left' ? result.left.map(({ context }) => context.map(({ key }) => key)) : 'Right'
      }
      expect(messages(codec)).toEqual(messages(plain))
    }
  })

  test('is compiled as one with the compiled codecs in it', () => {
    const around = t.type({ list: t.array(compileCodec(User)) })
    expect(traitsOf(planOf(around)).contextual.size).toBe(0)
  })

  test('takes a copy of a compiled codec with a validate of its own for what it is', () => {
    const validate = (): t.Validation<unknown> => t.success('mine')
    const copy = Object.create(Object.getPrototypeOf(User) as object, {
      ...Object.getOwnPropertyDescriptors(compileCodec(User)),
      validate: { value: validate },
    }) as t.Any
    expect(compileCodec(t.array(copy)).decode([ada])).toEqual(t.success(['mine']))
    expect(compileCodec(copy).validate(ada, [])).toEqual(t.success('mine'))
  })

  test('takes what only decodes and encodes, without being an io-ts type', () => {
    const codec = { name: '', decode: (value: unknown) => t.success(value), encode: String } as unknown as t.Any
    expect(compileCodec(codec).decode(1)).toEqual(t.success(1))
    expect(compileCodec(codec).encode(1)).toBe('1')
  })
})

describe('generated code', () => {
  test('holds no text of a codec but quoted property names', () => {
    const evil = '"];globalThis.pwned=1;["'
    const codec = t.union([
      t.strict({ [evil]: t.literal(evil), tag: t.literal('a') }, evil),
      t.type({ tag: t.literal('b'), [`${evil}2`]: t.keyof({ [evil]: null }, evil) }),
    ])
    const source = vi.spyOn(globalThis, 'Function')
    compileWith('generated')(codec).decode({ tag: 'a', [evil]: evil })
    const text = source.mock.calls.map((call) => String(call.at(-1))).join('\n')
    source.mockRestore()
    expect(text).toContain(JSON.stringify(evil))
    const unquoted = text.replaceAll(JSON.stringify(evil), '').replaceAll(JSON.stringify(`${evil}2`), '')
    expect(unquoted).not.toContain('pwned')
    expect('pwned' in globalThis).toBe(false)
  })

  test('is bounded: what is too wide or too much goes to closures', () => {
    const lengths = (codec: t.Any): number => {
      const source = vi.spyOn(globalThis, 'Function')
      const plan = planOf(codec)
      const traits = traitsOf(plan)
      generated(codec, plan, traits, closures(traits))
      const [call] = source.mock.calls
      source.mockRestore()
      return String(call?.at(-1)).length
    }
    const wide = (n: number, of: (i: number) => t.Any): t.Any =>
      t.type(Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, of(i)])))
    expect(lengths(wide(20_000, () => t.string))).toBeLessThan(1_000)
    const all = wide(100, (i) => wide(100, (j) => t.strict({ [`${i} ${j}`]: t.string, b: t.number, c: t.null })))
    expect(lengths(all)).toBeLessThan(1_000_000)
  })

  test('gives way to closures where it is forbidden', async () => {
    const program = `
      import * as t from 'io-ts'
      import { compileCodec } from './lib/core/codec/compile.ts'
      let allowed = true
      try { new Function('') } catch { allowed = false }
      const Inner = t.strict({ a: t.array(t.Int) })
      const Codec = t.type({ inner: Inner, at: t.union([t.string, t.null]) })
      const compiled = compileCodec(Codec)
      const right = compiled.decode({ inner: { a: [1], b: 2 }, at: null })
      Codec.validate = () => { throw new Error('asked io-ts') }
      const again = compiled.decode({ inner: { a: [1], b: 2 }, at: null })
      const encoded = compiled.encode({ inner: { a: [1], b: 2 }, at: null })
      console.log(JSON.stringify({ allowed, right, again, encoded }))
    `
    const flags = ['--disallow-code-generation-from-strings', '--import', 'tsx', '--input-type=module', '-e', program]
    const root = fileURLToPath(new URL('../../..', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: root })
    const value = { inner: { a: [1] }, at: null }
    const right = { _tag: 'Right', right: value }
    expect(JSON.parse(stdout)).toEqual({ allowed: false, right, again: right, encoded: value })
  })
})

import * as fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { json, type Body } from 'taskwire'
import { describe, expect, test } from 'vitest'
import { bodyBytes, exceeds } from '../../lib/core/serde.js'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const toBytes = (body: Body): Uint8Array => (typeof body === 'string' ? encode(body) : body)
const parse = (text: string) => json.parse(encode(text))
const there = (value: unknown) => {
  const body = json.serialize(value)
  return E.isLeft(body) ? body : json.parse(toBytes(body.right))
}
const refused = (expected: string) => E.left([{ path: '', expected }])
const forbidden = refused('no key __proto__ and no constructor.prototype')

// n.b. fast-check makes such keys, about one value in 6,000
const holdsForbidden = (text: string): boolean => {
  let found = false
  JSON.parse(text, (key, value: unknown) => {
    const prototype = typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype')
    found ||= key === '__proto__' || (key === 'constructor' && prototype)
    return value
  })
  return found
}

describe('JSON', () => {
  test('comes back as it was, whatever the value, unless it holds a forbidden key', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => {
        const text = JSON.stringify(value)
        expect(there(value)).toEqual(holdsForbidden(text) ? forbidden : E.right(JSON.parse(text)))
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['false', false],
    ['zero', 0],
    ['empty text', ''],
    ['an empty array', []],
    ['an empty object', {}],
    ['text outside the basic plane', '𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧'],
    ['a lone high surrogate', 'a\ud800b'],
    ['a lone low surrogate', '\udc00'],
    ['a surrogate pair the wrong way round', '\udc00\ud800'],
    ['U+FFFD itself', 'a\ufffdb'],
    ['keys with a meaning elsewhere', { key: 1, value: 2, data: 3, pattern: 4, id: 5, _tag: 'Left', left: 1 }],
    ['keys that look forbidden', { proto: 1, constructor: 'text', prototype: {}, ['__proto']: 1 }],
    ['a constructor without a prototype', { constructor: { name: 'x' } }],
    ['text that names what is forbidden', ['__proto__', 'constructor', 'prototype', '"constructor":{"prototype":1}']],
    ['64 KiB', 'x'.repeat(65_536)],
  ])('keeps %s', (_, value) => {
    expect(there(value)).toEqual(E.right(value))
  })

  test('of undefined is the empty body, and the empty body is undefined', () => {
    expect(json.serialize(undefined)).toEqual(E.right(''))
    expect(json.parse(new Uint8Array(0))).toEqual(E.right(undefined))
    expect(parse('null')).toEqual(E.right(null))
  })

  test('drops what JSON has no word for inside a value, as JSON does', () => {
    expect(there({ a: undefined, b: () => 1, c: [undefined, NaN], d: new Date(0) })).toEqual(
      E.right({ c: [null, null], d: '1970-01-01T00:00:00.000Z' }),
    )
  })

  const cycle: Record<string, unknown> = { secret: 1 }
  cycle['self'] = cycle
  test.each<readonly [string, unknown, RegExp]>([
    ['a function', () => 1, /not a function or a symbol/],
    ['a symbol', Symbol('secret'), /not a function or a symbol/],
    ['a bigint', 1n, /no bigint/],
    ['a nested bigint', { secret: [1n] }, /no bigint/],
    ['a cycle', cycle, /no cycle/],
    ['a toJSON that throws', { toJSON: () => JSON.parse('secret') as unknown }, /toJSON/],
    ['a toJSON that gives nothing', { toJSON: () => undefined }, /not a function/],
  ])('of %s is a typed refusal without the value', (_, value, expected) => {
    const result = json.serialize(value)
    expect(result).toMatchObject({ _tag: 'Left', left: [{ path: '', expected: expect.stringMatching(expected) }] })
    expect(JSON.stringify(result)).not.toContain('secret')
  })

  test.each(['{', '', ' ', 'undefined', "{'a':1}", '[1,]', '01', '\ufeff1', 'NaN'].filter((text) => text !== ''))(
    'that is not JSON is refused: %j',
    (text) => {
      expect(parse(text)).toEqual(refused('JSON'))
    },
  )

  test('reads exactly the bytes it is given, of whatever array', () => {
    const whole = encode('xx{"a":1}yy')
    expect(json.parse(whole.subarray(2, 9))).toEqual(E.right({ a: 1 }))
    expect(json.parse(Buffer.from(whole).subarray(2, 9))).toEqual(E.right({ a: 1 }))
  })
})

describe('UTF-8', () => {
  test.each<readonly [string, ReadonlyArray<number>]>([
    ['a lone continuation', [0x22, 0x80, 0x22]],
    ['a cut sequence', [0x22, 0xe2, 0x82, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['beyond U+10FFFF', [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]],
    ['a byte that is never part of it', [0xff]],
  ])('that is ill-formed is refused: %s', (_, bytes) => {
    expect(json.parse(new Uint8Array(bytes))).toEqual(refused('well-formed UTF-8'))
  })

  test('with a real U+FFFD beside ill-formed bytes is refused all the same', () => {
    expect(json.parse(new Uint8Array([0x22, 0xef, 0xbf, 0xbd, 0xff, 0x22]))).toEqual(refused('well-formed UTF-8'))
    expect(json.parse(new Uint8Array([0x22, 0xef, 0xbf, 0xbd, 0x22]))).toEqual(E.right('\ufffd'))
  })

  test('is refused exactly where the platform refuses it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        let well = true
        try {
          new TextDecoder('utf-8', { fatal: true }).decode(bytes)
        } catch {
          well = false
        }
        const result = json.parse(bytes)
        expect(E.isLeft(result) && result.left[0]?.expected === 'well-formed UTF-8').toBe(!well)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('depth', () => {
  const deep = refused('at most 64 levels of nesting')
  const nested = (n: number, open = '[', close = ']', inner = ''): string => open.repeat(n) + inner + close.repeat(n)

  test.each<readonly [string, (n: number) => string]>([
    ['arrays', (n) => nested(n)],
    ['objects', (n) => nested(n, '{"a":', '}', '1')],
    [
      'both',
      (n) => (n % 2 === 0 ? nested(n / 2, '[{"a":', '}]', '1') : `[${nested((n - 1) / 2, '[{"a":', '}]', '1')}]`),
    ],
    ['many that are shallow before it', (n) => `[${'[],'.repeat(200)}${nested(n - 1)}]`],
    ['quoted brackets around it', (n) => `["[[[[{{{{\\"]]",${nested(n - 1)},"${'['.repeat(100)}"]`],
  ])('of 64 is read and of 65 is not: %s', (_, text) => {
    expect(E.isRight(parse(text(64)))).toBe(true)
    expect(parse(text(65))).toEqual(deep)
  })

  test('is not counted in quoted text, however it is escaped', () => {
    for (const text of [
      '['.repeat(1_000),
      '\\'.repeat(99) + '{'.repeat(200),
      `"${'{['.repeat(100)}`,
      '\\"'.repeat(80) + '['.repeat(80),
    ])
      expect(there({ text })).toEqual(E.right({ text }))
  })

  test('of 100,000 is refused before anything recurses', () => {
    expect(parse(nested(100_000))).toEqual(deep)
    expect(parse('['.repeat(100_000))).toEqual(deep)
  })
})

describe('forbidden keys', () => {
  test.each([
    '{"__proto__":1}',
    '{"a":[{"b":{"__proto__":{"polluted":true}}}]}',
    '{"\\u005f_proto__":1}',
    '{"__pr\\u006fto__":1}',
    '{"\\u005F\\u005F\\u0070\\u0072\\u006F\\u0074\\u006F\\u005F\\u005F":1}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"constructor":{"\\u0070rototype":1}}',
    '{"\\u0063onstructor":{"prototype":1}}',
    '{"con\\u0073tructor":{"prot\\u006ftype":1}}',
    '[[{"constructor":{"prototype":null,"more":1}}]]',
    '{"a":1,"__proto__":null}',
  ])('are refused: %s', (text) => {
    expect(parse(text)).toEqual(forbidden)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test.each([
    '{"constructor":{}}',
    '{"prototype":{"constructor":1}}',
    '{"constructor":[{"prototype":1}]}',
    '{"a":"__proto__"}',
  ])('are only those: %s', (text) => {
    expect(parse(text)).toEqual(E.right(JSON.parse(text)))
  })
})

test('exceeds counts bytes, of text and of bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 50 }), fc.nat({ max: 120 }), (text, limit) => {
      const { length } = encode(text)
      expect([bodyBytes(text), bodyBytes(encode(text))]).toEqual([length, length])
      expect([exceeds(text, limit), exceeds(encode(text), limit)]).toEqual([length > limit, length > limit])
    }),
  )
})

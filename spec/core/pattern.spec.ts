import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  canonical,
  isWildcard,
  maxPatternBytes,
  router,
  wildcardMistake,
  type PatternValue,
} from '../../lib/core/pattern.js'

// Text that has fooled such functions before, beside any other text.
const hostile = [
  ...[
    '.',
    '/',
    '*',
    '#',
    ':',
    ' ',
    '\n',
    '\0',
    '"',
    '{',
    '}',
    '{"a":1}',
    '"a"',
    '1',
    '-1',
    '1e3',
    '1e+21',
    '01',
    '1.0',
  ],
  ...[
    'NaN',
    'Infinity',
    '-0',
    '0',
    'a.b',
    'a_b',
    'a.*',
    '*.b',
    'a.#',
    '#',
    '""',
    "'",
    '\\',
    'null',
    'true',
    '__proto__',
  ],
  ...['constructor', 'é', 'e\u0301', '😀', '\u2028'],
]
const anyText = fc.oneof(
  fc.constantFrom(...hostile),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.array(fc.constantFrom(...hostile), { maxLength: 4 }).map((parts) => parts.join('')),
)
const anyNumber = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1e21),
)
const anyValue: fc.Arbitrary<PatternValue> = fc.letrec<{ value: PatternValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyText,
    anyNumber,
    fc.boolean(),
    fc.constant(null),
    fc.dictionary(anyText, tie('value'), { maxKeys: 3 }),
  ),
})).value
const anyPattern = fc.oneof(anyText, anyNumber, fc.dictionary(anyText, anyValue, { maxKeys: 3 }))

const shuffled = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, inner]) => [key, shuffled(inner)]),
      )
    : value

// Equality of patterns as documented: kind and value, whatever the order of keys; -0 is 0.
const same = (a: unknown, b: unknown): boolean => {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && same(Reflect.get(a, key), Reflect.get(b, key)))
  )
}

describe('canonical', () => {
  test('two patterns share a form exactly when they are the same pattern', () => {
    fc.assert(
      fc.property(anyPattern, anyPattern, (a, b) => {
        const [left, right] = [canonical(a), canonical(b)]
        if (left._tag === 'Right' && right._tag === 'Right') expect(left.right === right.right).toBe(same(a, b))
      }),
      { numRuns: 20_000 },
    )
  })

  test('what reads like another pattern does not take its form', () => {
    // A form used as text, its number and its JSON are the nearest neighbours of a pattern.
    fc.assert(
      fc.property(anyPattern, (pattern) => {
        const form = canonical(pattern)
        if (form._tag === 'Left') return
        const neighbours: ReadonlyArray<unknown> = [form.right, Number(form.right), JSON.stringify(form.right)]
        for (const neighbour of neighbours) {
          const other = canonical(neighbour)
          if (other._tag === 'Right') expect(other.right === form.right).toBe(same(pattern, neighbour))
        }
      }),
      { numRuns: 5_000 },
    )
  })

  test('the order of keys does not matter, at any depth', () => {
    fc.assert(
      fc.property(anyPattern, (pattern) => {
        expect(canonical(shuffled(pattern))).toEqual(canonical(pattern))
      }),
      { numRuns: 5_000 },
    )
    expect(canonical({ b: { d: 1, c: [].length }, a: 'x' })).toEqual(E.right('{"a":"x","b":{"c":0,"d":1}}'))
  })

  test.each<readonly [unknown, string]>([
    ['user.created', 'user.created'],
    ['a b', 'a b'],
    [1, '1'],
    ['1', '"1"'],
    ['01', '01'],
    [1.5, '1.5'],
    ['NaN', '"NaN"'],
    [-0, '0'],
    ['{', '"{"'],
    ['"', String.raw`"\""`],
    [{ cmd: 'sum' }, '{"cmd":"sum"}'],
    [{}, '{}'],
    [{ a: null, b: true }, '{"a":null,"b":true}'],
  ])('%j has the form %s', (pattern, form) => {
    expect(canonical(pattern)).toEqual(E.right(form))
  })

  test.each<readonly [string, unknown]>([
    ['empty text', ''],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['true', true],
    ['null', null],
    ['undefined', undefined],
    ['a function', () => undefined],
    ['a symbol', Symbol('a')],
    ['a bigint', 1n],
    ['an array', ['a']],
    ['an array inside', { a: [1] }],
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['undefined inside', { a: undefined }],
    ['NaN inside', { a: { b: NaN } }],
    ['a lone surrogate', 'a\ud800'],
    ['a lone surrogate in a key', { ['\udc00']: 1 }],
    ['a lone surrogate in a value', { a: { b: '\ud800x' } }],
  ])('%s is refused with a reason', (_, pattern) => {
    const form = canonical(pattern)
    expect(form._tag).toBe('Left')
    if (form._tag === 'Left') expect(form.left).toMatch(/[a-z]/)
  })

  test('at most 200 bytes of UTF-8 in canonical form', () => {
    expect(maxPatternBytes).toBe(200)
    expect(canonical('a'.repeat(200))._tag).toBe('Right')
    expect(canonical('a'.repeat(201))._tag).toBe('Left')
    expect(canonical('é'.repeat(100))._tag).toBe('Right')
    expect(canonical('é'.repeat(101))._tag).toBe('Left')
    expect(canonical('{'.repeat(199))._tag).toBe('Left')
    expect(canonical({ a: 'a'.repeat(193) })._tag).toBe('Left')
  })

  test('a value that contains itself, or nests without end, is refused and does not overflow', () => {
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    let deep: Record<string, unknown> = {}
    for (let i = 0; i < 100_000; i++) deep = { a: deep }
    for (const pattern of [circular, deep]) expect(canonical(pattern)._tag).toBe('Left')
    const nested = (levels: number): unknown => (levels === 1 ? {} : { '': nested(levels - 1) })
    expect([canonical(nested(40))._tag, canonical(nested(41))._tag]).toEqual(['Right', 'Left'])
  })

  test('a key named __proto__ is a key like any other', () => {
    const pattern: unknown = JSON.parse('{"__proto__":{"a":1}}')
    expect(canonical(pattern)).toEqual(E.right('{"__proto__":{"a":1}}'))
    expect(canonical({})).toEqual(E.right('{}'))
  })
})

const form = (pattern: unknown): string => {
  const result = canonical(pattern)
  return result._tag === 'Right' ? result.right : ''
}

describe('wildcards', () => {
  test.each([
    ['a.*', true],
    ['*', true],
    ['#', true],
    ['a.#', true],
    ['a.b', false],
    ['a*', false],
    ['a.b#', false],
    ['**', false],
    [form({ a: '*' }), false],
    [form('{.*'), false],
    [form('".*'), false],
    [form(1), false],
  ])('%s holds one: %s', (pattern, expected) => {
    expect(isWildcard(pattern)).toBe(expected)
  })

  test('** and the like are mistakes', () => {
    for (const pattern of ['a.**', '**', '##', 'a.*#.b']) expect(wildcardMistake(pattern)).toMatch(/one segment/)
    for (const pattern of ['a.#.b', '#.b', 'a.#', '#', 'a.*', 'a', '*.*.#', 'a*', form('{.**'), form({ '**': '**' })])
      expect(wildcardMistake(pattern)).toBeUndefined()
  })
})

// The definition, word for word: a segment `*` stands for any one segment, a segment `#` for any number of them.
const naive = (pattern: ReadonlyArray<string>, segments: ReadonlyArray<string>): boolean => {
  const [head, ...tail] = pattern
  if (head === undefined) return segments.length === 0
  if (head === '#') return naive(tail, segments) || (segments.length > 0 && naive(pattern, segments.slice(1)))
  return segments.length > 0 && (head === '*' || head === segments[0]) && naive(tail, segments.slice(1))
}

describe('router', () => {
  const segment = fc.constantFrom('a', 'b', 'c', '')
  const concrete = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
  const listening = fc
    .array(fc.oneof(segment, fc.constant('*'), fc.constant('#')), { maxLength: 5 })
    .map((parts) => parts.join('.'))

  test('finds what a naive matcher finds, in the order of definition', () => {
    fc.assert(
      fc.property(fc.array(listening, { maxLength: 12 }), fc.array(concrete, { maxLength: 6 }), (patterns, forms) => {
        const find = router(patterns.map((pattern, value) => ({ pattern, value })))
        for (const each of [...forms, ...patterns.filter((pattern) => !isWildcard(pattern))])
          expect(find(each)).toEqual(
            patterns.flatMap((pattern, value) => (naive(pattern.split('.'), each.split('.')) ? [value] : [])),
          )
      }),
      { numRuns: 5_000 },
    )
  })

  test('keeps the order of definition among exact patterns and wildcards', () => {
    const patterns = ['#', 'a.b', 'a.*', 'a.b', '*.b', 'a.#', 'a.c']
    expect(router(patterns.map((pattern, value) => ({ pattern, value })))('a.b')).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('no wildcard reaches a number or an object, and text that reads like one is no other pattern', () => {
    const patterns = ['#', '*', form({ a: '*' }), form(1), form('1')]
    const find = router(patterns.map((pattern) => ({ pattern, value: pattern })))
    expect(find(form(1))).toEqual(['1'])
    expect(find(form('1'))).toEqual(['"1"'])
    expect(find(form({ a: '*' }))).toEqual(['{"a":"*"}'])
    expect(find(form({ a: 'x' }))).toEqual([])
    expect(find('a')).toEqual(['#', '*'])
  })

  test('names of Object.prototype are patterns like any other', () => {
    const find = router([{ pattern: 'a', value: 1 }])
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) expect(find(name)).toEqual([])
    const wild = router([{ pattern: '__proto__.*', value: 1 }])
    expect([wild('__proto__.x'), wild('constructor.x')]).toEqual([[1], []])
  })

  test('the same answer every time, and nothing for nothing', () => {
    const find = router([
      { pattern: 'a.*', value: 1 },
      { pattern: 'a.b', value: 2 },
    ])
    expect([find('a.b'), find('a.b'), find('x')]).toEqual([[1, 2], [1, 2], []])
    expect(router([])('a')).toEqual([])
  })
})

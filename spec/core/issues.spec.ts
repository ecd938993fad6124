import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { describe, expect, test } from 'vitest'
import { issuesOf } from '../../lib/core/issues.js'

const issues = (codec: t.Decoder<unknown, unknown>, value: unknown) => {
  const result = codec.decode(value)
  return E.isLeft(result) ? issuesOf(result.left) : []
}

const Address = t.type({ city: t.string })

describe('issues', () => {
  test.each<readonly [string, t.Decoder<unknown, unknown>, unknown, ReadonlyArray<readonly [string, string]>]>([
    ['the root', t.string, 1, [['', 'string']]],
    ['a field', t.type({ a: t.number }), { a: 'x' }, [['a', 'number']]],
    ['a field that is missing', t.type({ a: t.number }), {}, [['a', 'number']]],
    ['a nested field', t.type({ a: t.type({ b: t.null }) }), { a: { b: 1 } }, [['a.b', 'null']]],
    ['an item', t.array(t.type({ n: t.number })), [{ n: 1 }, { n: 'x' }], [['1.n', 'number']]],
    ['a tuple', t.tuple([t.string, t.number]), ['a', 'b'], [['1', 'number']]],
    ['a record', t.record(t.string, t.number), { k: 'x' }, [['k', 'number']]],
    [
      'an intersection: its members are no part of the path',
      t.type({ user: t.intersection([t.type({ a: t.number }), t.type({ b: Address })]) }),
      { user: { a: 'x', b: {} } },
      [
        ['user.a', 'number'],
        ['user.b.city', 'string'],
      ],
    ],
    [
      'a union: one issue for each member',
      t.type({ u: t.union([t.string, t.type({ b: t.number })]) }),
      { u: 7 },
      [
        ['u', 'string'],
        ['u', '{ b: number }'],
      ],
    ],
    ['an array within a union', t.union([t.array(t.string), t.null]), [1], [['0', 'string'], ['', 'null']]], // prettier-ignore
    ['what a numeric key means outside of unions', t.type({ 0: t.string }), { 0: 1 }, [['0', 'string']]],
    ['an exact type', t.exact(t.type({ a: t.number })), { a: 'x' }, [['a', 'number']]],
    [
      'a recursive type',
      t.recursion('List', (self): t.Any => t.partial({ next: self })),
      { next: { next: 1 } },
      [['next.next', 'List']],
    ],
  ])('name the place and what was expected: %s', (_, codec, value, expected) => {
    expect(issues(codec, value).map(({ path, expected: said }) => [path, said])).toEqual(expected)
  })

  test('take the message of a codec where it gives one', () => {
    const Even = new t.Type<number, number>(
      'Even',
      t.number.is,
      (u, c) => t.failure(u, c, 'an even number'),
      t.identity,
    )
    expect(issues(t.type({ n: Even }), { n: 3 })).toEqual([{ path: 'n', expected: 'an even number' }])
  })

  test('are at most 20, each of at most 200 characters a field', () => {
    const many = issues(
      t.array(t.number),
      Array.from({ length: 100 }, () => 'x'),
    )
    expect(many).toHaveLength(20)
    const long = t.record(t.string, new t.Type('N'.repeat(1_000), t.number.is, t.number.validate, t.identity))
    const [issue] = issues(long, { ['k'.repeat(1_000)]: 'x' })
    expect([issue?.path.length, issue?.expected.length]).toEqual([200, 200])
    expect(issue?.path.endsWith('...')).toBe(true)
  })
})

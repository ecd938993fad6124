import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice, validate, type DefinitionError, type Pattern, type Service } from 'taskwire'
import { memory } from 'taskwire/memory'
import { describe, expect, test } from 'vitest'
import { resolveEndpoints } from '../../lib/core/validate.js'
import { fake } from '../runtime/support/fake.js'

const ok = () => TE.right(undefined)
const listening = () =>
  createMicroservice('s')
    .transport(memory({ name: 'a' }))
    .transport(memory({ name: 'b' }))
const idsOf = (service: Service): ReadonlyArray<string> => {
  const resolved = resolveEndpoints(service)
  return E.isLeft(resolved) ? [JSON.stringify(resolved.left)] : resolved.right.map(({ id }) => id)
}

describe('ids', () => {
  test('are the canonical pattern, then #2 and #3 in the order of definition', () => {
    const service = listening()
      .onEvent('e', t.unknown, ok)
      .onEvent({ b: 1, a: 2 }, t.unknown, ok)
      .onEvent('e', t.unknown, ok)
      .onMessage('e', t.unknown, ok)
      .onEvent({ a: 2, b: 1 }, t.unknown, ok)
      .onEvent('e', t.unknown, ok)
      .onEvent(1, t.unknown, ok)
      .onEvent('1', t.unknown, ok)
    expect(idsOf(service)).toEqual(['e', '{"a":2,"b":1}', 'e#2', 'e', '{"a":2,"b":1}#2', 'e#3', '1', '"1"'])
  })

  test('are those of the endpoint where it names one; what is numbered does not move', () => {
    const service = listening()
      .onEvent('e', t.unknown, ok, { id: 'mine' })
      .onEvent('e', t.unknown, ok)
      .onEvent('e', t.unknown, ok)
    expect(idsOf(service)).toEqual(['mine', 'e#2', 'e#3'])
  })

  test('stay the same when a message handler of the same pattern is bound elsewhere', () => {
    const service = listening()
      .onMessage('m', t.unknown, ok, { on: ['a'] })
      .onMessage('m', t.unknown, ok, { on: ['b'] })
    expect(idsOf(service)).toEqual(['m', 'm#2'])
  })
})

describe('message handlers of one pattern', () => {
  const duplicate: ReadonlyArray<DefinitionError> = [{ _tag: 'DuplicatePattern', pattern: 'm' }]
  type On = readonly ['a' | 'b', ...ReadonlyArray<'a' | 'b'>] | undefined
  test.each<readonly [string, ReadonlyArray<On>, ReadonlyArray<DefinitionError>]>([
    ['both everywhere', [undefined, undefined], duplicate],
    ['one everywhere', [['a'], undefined], duplicate],
    ['on one transport', [['a'], ['a']], duplicate],
    ['overlapping', [['a', 'b'], ['b']], duplicate],
    ['three of them: reported once', [undefined, undefined, undefined], duplicate],
    ['the third overlaps the first only', [['a'], ['b'], ['a']], duplicate],
    ['disjoint', [['a'], ['b']], []],
  ])('%s', (_, bindings, expected) => {
    const service = bindings.reduce<ReturnType<ReturnType<typeof listening>['onMessage']>>(
      (s, on) => s.onMessage('m', t.unknown, ok, on === undefined ? {} : { on }),
      listening(),
    )
    expect(validate(service as Service)).toEqual(expected)
  })

  test('are told apart by canonical pattern, whatever the order of keys', () => {
    const service = listening()
      .onMessage({ a: 1, b: 2 }, t.unknown, ok)
      .onMessage({ b: 2, a: 1 }, t.unknown, ok)
      .onMessage(1, t.unknown, ok)
      .onMessage('1', t.unknown, ok)
    expect(validate(service)).toEqual([{ _tag: 'DuplicatePattern', pattern: '{"a":1,"b":2}' }])
  })

  test('and event handlers of it live side by side', () => {
    expect(validate(listening().onEvent('m', t.unknown, ok).onEvent('m', t.unknown, ok).onMessage('m', t.unknown, ok))).toEqual([]) // prettier-ignore
  })
})

describe('validate', () => {
  test('finds nothing wrong with what is right', () => {
    expect(validate(listening().onEvent('a.*', t.unknown, ok).onEvent('a.#', t.unknown, ok))).toEqual([])
  })

  test('finds every mistake at once', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    const needy = fake({ name: 'needy', needsName: true, problems: [{ option: 'url', expected: 'a URL' }] })
    const service = createMicroservice('', { concurrency: 1.5, timeout: 0 })
      .transport(memory({ name: 'a' }))
      .transport(memory({ name: 'a' }))
      .transport(needy.transport as never)
      .onEvent('', t.unknown, ok, { concurrency: 0 })
      .onEvent('a.**', t.unknown, ok)
      .onEvent([1] as never, t.unknown, ok)
      .onEvent(cycle as never, t.unknown, ok)
      .onEvent(1n as never, t.unknown, ok)
      .onEvent('ok', t.unknown, ok, { concurrency: NaN, timeout: Infinity, id: '' })
      .onEvent('ok', t.unknown, ok, { id: 'x'.repeat(201), on: ['elsewhere' as never] })
      .onEvent('one', t.unknown, ok, { id: 'same' })
      .onEvent('two', t.unknown, ok, { id: 'same' })
      .onMessage('m.*', t.unknown, ok)
      .onMessage('m', t.unknown, ok)
      .onMessage('m', t.unknown, ok)
      .include(createMicroservice('child').transport(memory()).onEvent('c', t.unknown, ok) as never)
    const invalid = (pattern: unknown) => ({ _tag: 'InvalidPattern', pattern, reason: expect.any(String) })
    const option = (name: string, pattern: string | undefined) => ({
      _tag: 'InvalidOption',
      option: name,
      expected: expect.any(String),
      pattern,
    })
    expect(validate(service as Service)).toEqual([
      { _tag: 'IncludedTransports', child: 'child' },
      option('concurrency', undefined),
      option('timeout', undefined),
      invalid('""'),
      invalid('a.**'),
      invalid('[1]'),
      invalid('a object'),
      invalid('a bigint'),
      invalid('m.*'),
      { _tag: 'DuplicateEndpoint', id: 'same' },
      { _tag: 'DuplicatePattern', pattern: 'm' },
      option('concurrency', '""'),
      option('concurrency', 'ok'),
      option('timeout', 'ok'),
      option('id', 'ok'),
      option('id', 'ok'),
      { _tag: 'DuplicateToken', token: 'a' },
      { _tag: 'NameRequired', transport: 'needy' },
      { _tag: 'InvalidOption', option: 'needy.url', expected: 'a URL', pattern: undefined },
      { _tag: 'UnknownToken', token: 'elsewhere', pattern: 'ok' },
    ])
  })

  test('asks for a transport', () => {
    expect(validate(createMicroservice('s'))).toEqual([{ _tag: 'NoTransport' }])
    expect(E.isRight(resolveEndpoints(createMicroservice('s').onEvent('e', t.unknown, ok)))).toBe(true)
  })

  test('takes an id that is another endpoint’s default for the same id', () => {
    const service = listening()
      .onEvent('e', t.unknown, ok)
      .onEvent('f', t.unknown, ok, { id: 'e' })
      .onEvent('g', t.unknown, ok, { id: 'e#2' })
      .onEvent('e', t.unknown, ok)
    expect(validate(service)).toEqual([
      { _tag: 'DuplicateEndpoint', id: 'e' },
      { _tag: 'DuplicateEndpoint', id: 'e#2' },
    ])
  })

  test.each<readonly [string, Pattern]>([
    ['what looks like a wildcard and is none', 'a.**'],
    ['more than 200 bytes', 'ä'.repeat(101)],
    ['a lone surrogate', '\ud800'],
    ['a number that is none', NaN],
  ])('refuses a pattern with %s', (_, pattern) => {
    expect(validate(listening().onEvent(pattern, t.unknown, ok))).toMatchObject([{ _tag: 'InvalidPattern' }])
  })

  test('finds parts that only plain JavaScript can get wrong', () => {
    const js = listening() as unknown as {
      readonly onEvent: (...parts: ReadonlyArray<unknown>) => Service
      readonly onMessage: (...parts: ReadonlyArray<unknown>) => Service
    }
    const wrong = (service: Service) =>
      validate(service).map((error) => (error._tag === 'InvalidOption' ? error.option : error._tag))
    expect(wrong(js.onEvent('e', t.unknown, ok, { on: [] }))).toEqual(['on'])
    const functions = { retry: 5, classify: 'x', orderingKey: 1, id: 5 }
    expect(wrong(js.onEvent('e', t.unknown, ok, functions))).toEqual(['id', 'retry', 'classify', 'orderingKey'])
    expect(wrong(js.onEvent('e', null, undefined))).toEqual(['handler', 'codec'])
    expect(wrong(js.onMessage('m', {}, ok, { reply: 1, failure: () => 1 }))).toEqual(['codec', 'reply', 'failure'])
  })

  test('shows at most 200 characters of a pattern', () => {
    const [error] = validate(listening().onEvent('p'.repeat(10_000), t.unknown, ok))
    expect(error?._tag === 'InvalidPattern' ? error.pattern.length : 0).toBe(200)
  })
})

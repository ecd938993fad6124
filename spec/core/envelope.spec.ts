import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeFailure,
  encodeFailure,
  failureCode,
  headerIssues,
  maxHeaderBytes,
  maxHeaders,
  maxIssues,
  noHeaders,
} from '../../lib/core/envelope.js'
import type { Failure } from '../../lib/core/error.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('failures on the wire', () => {
  const short = fc.string({ unit: 'grapheme', maxLength: 20 })
  const amount = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value))
  const failure: fc.Arbitrary<Failure> = fc.oneof(
    fc
      .array(fc.record({ path: short, expected: short }), { maxLength: maxIssues })
      .map((issues): Failure => ({ _tag: 'InvalidPayload', issues })),
    short.map((pattern): Failure => ({ _tag: 'NoHandler', pattern })),
    short.map((errorId): Failure => ({ _tag: 'Internal', errorId })),
    fc
      .tuple(amount, fc.constantFrom('connection' as const, 'reply' as const, 'handler' as const))
      .map(([afterMs, waitingFor]): Failure => ({ _tag: 'TimeoutError', afterMs, waitingFor })),
    amount.map((limit): Failure => ({ _tag: 'Overloaded', limit })),
    fc.constant<Failure>({ _tag: 'Cancelled' }),
    short.map((message): Failure => ({ _tag: 'Unauthorized', message })),
    amount.map((limitBytes): Failure => ({ _tag: 'MessageTooLarge', limitBytes })),
  )

  test('come back as they were sent', () => {
    fc.assert(
      fc.property(failure, (sent) => {
        const { code, body } = encodeFailure(sent)
        expect(decodeFailure(code, bytes(body))).toEqual(sent)
      }),
      { numRuns: 2_000 },
    )
  })

  test('keep their numbers', () => {
    expect(failureCode).toEqual({
      InvalidPayload: 1,
      NoHandler: 2,
      Internal: 3,
      TimeoutError: 4,
      Overloaded: 5,
      Cancelled: 6,
      Unauthorized: 7,
      MessageTooLarge: 8,
    })
  })

  test('with a malformed body are still that failure, with its details empty', () => {
    const tags = Object.keys(failureCode)
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.json().map(bytes), fc.constant(new Uint8Array(0))),
        (code, body) => {
          const read = decodeFailure(code, body)
          expect(read?._tag).toBe(tags[code - 1])
          for (const value of Object.values(read ?? {}))
            expect(typeof value === 'string' || Number.isFinite(value) || Array.isArray(value)).toBe(true)
        },
      ),
      { numRuns: 2_000 },
    )
    expect(decodeFailure(2, bytes('{"pattern":7}'))).toEqual({ _tag: 'NoHandler', pattern: '' })
    expect(decodeFailure(4, bytes('{"afterMs":"1","waitingFor":"x"}'))).toEqual({
      _tag: 'TimeoutError',
      afterMs: 0,
      waitingFor: 'handler',
    })
    expect(decodeFailure(1, bytes('{"issues":[null,1,"x",{"path":2},{"expected":"e"}]}'))).toEqual({
      _tag: 'InvalidPayload',
      issues: [...Array.from({ length: 4 }, () => ({ path: '', expected: '' })), { path: '', expected: 'e' }],
    })
  })

  test('are bounded on both ways: at most 20 issues, at most 1,000 characters of text', () => {
    const issues = Array.from({ length: 50 }, (_, i) => ({ path: String(i), expected: 'string' }))
    const { body } = encodeFailure({ _tag: 'InvalidPayload', issues })
    expect(JSON.parse(body)).toEqual({ issues: issues.slice(0, 20) })
    const read = decodeFailure(
      1,
      bytes(JSON.stringify({ issues: issues.map((i) => ({ ...i, path: 'x'.repeat(5_000) })) })),
    )
    expect(read?._tag === 'InvalidPayload' && read.issues.map(({ path }) => path.length)).toEqual(
      Array.from({ length: 20 }, () => 1_000),
    )
  })

  test('of an unknown number are told apart, so that a newer peer is not misread', () => {
    for (const code of [0, 9, 255, -1, 1.5, NaN]) expect(decodeFailure(code, bytes('{}'))).toBeUndefined()
  })
})

describe('headers', () => {
  const many = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${String(i)}`, 'v']))

  test('64 of them, empty and Unicode values, any case of name are fine', () => {
    expect(headerIssues(many(maxHeaders))).toEqual([])
    expect(headerIssues({ 'X-Case': '', unicode: '√ 😀', traceparent: '00-1-2-01' })).toEqual([])
    expect(headerIssues(noHeaders)).toEqual([])
  })

  test('a 65th is refused', () => {
    expect(headerIssues(many(maxHeaders + 1))).toEqual([{ path: 'headers', expected: 'at most 64 headers' }])
  })

  test('8 KiB of names and values in UTF-8 are fine, a byte more is not', () => {
    expect(headerIssues({ a: 'x'.repeat(maxHeaderBytes - 1) })).toEqual([])
    expect(headerIssues({ a: 'x'.repeat(maxHeaderBytes) })).toHaveLength(1)
    expect(headerIssues({ é: 'é'.repeat(maxHeaderBytes / 2 - 1) })).toEqual([])
    expect(headerIssues({ é: 'é'.repeat(maxHeaderBytes / 2) })).toHaveLength(1)
  })

  test('names have 1 to 255 bytes', () => {
    expect(headerIssues({ ['n'.repeat(255)]: '' })).toEqual([])
    for (const name of ['', 'n'.repeat(256), 'é'.repeat(128)]) expect(headerIssues({ [name]: '' })).toHaveLength(1)
  })

  test('names of the library are refused in any case, others that only look so are not', () => {
    for (const name of ['taskwire-id', 'TASKWIRE-x', 'Taskwire-'])
      expect(headerIssues({ [name]: 'v' })[0]?.path).toBe(`headers.${name}`)
    expect(headerIssues({ taskwire: 'v', 'x-taskwire-id': 'v' })).toEqual([])
  })

  test('a value that is no text is named', () => {
    const headers = { a: 1, b: undefined, c: 'fine' } as unknown as Record<string, string>
    expect(headerIssues(headers)).toEqual([
      { path: 'headers.a', expected: 'text' },
      { path: 'headers.b', expected: 'text' },
    ])
  })

  test('no more than 20 issues are named, and no value ever', () => {
    const bad = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`taskwire-${String(i)}`, 'secret']))
    const issues = headerIssues(bad)
    expect(issues).toHaveLength(maxIssues)
    expect(JSON.stringify(issues)).not.toContain('secret')
  })
})

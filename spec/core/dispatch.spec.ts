import * as fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import {
  createMicroservice,
  json,
  type AnyEndpoint,
  type Context,
  type Middleware,
  type Outcome,
  type Service,
} from 'taskwire'
import { fixtureContext } from 'taskwire/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { abortContext, makeContext } from '../../lib/core/context.js'
import { runnable, type Runnable } from '../../lib/core/dispatch.js'
import { encodeFailure } from '../../lib/core/envelope.js'
import type { Settlement } from '../../lib/core/settlement.js'
import { resolveEndpoints } from '../../lib/core/validate.js'
import type { Transport } from '../../lib/transport/transport.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const body = (value: unknown): Uint8Array => new TextEncoder().encode(value === undefined ? '' : JSON.stringify(value))
const context = (): Context => {
  const { signal: _, ...fields } = fixtureContext()
  return makeContext(fields)
}

const unhandled: Array<unknown> = []
const note = (cause: unknown): void => {
  unhandled.push(cause)
}
beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
})
afterEach(async () => {
  await turn()
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

interface Ready {
  readonly one: Runnable
  readonly causes: Array<unknown>
  /** Decodes, runs and answers; resolves with the outcome, or says that it never came. */
  readonly run: (payload: Uint8Array, given?: Context) => Promise<Outcome | 'never'>
  readonly answer: (payload: unknown, limitBytes?: number) => Promise<Settlement>
}

const ready = (service: Service<Transport, AnyEndpoint>, index = 0): Ready => {
  const resolved = resolveEndpoints(service)
  if (E.isLeft(resolved)) throw new Error(JSON.stringify(resolved.left))
  const causes: Array<unknown> = []
  const defect = (_: string, cause: unknown): string => `error-${causes.push(cause)}`
  const one = runnable(resolved.right[index]!, { serde: json, middleware: service.middleware, defect })
  const run = async (payload: Uint8Array, given = context()): Promise<Outcome | 'never'> => {
    const outcomes: Array<Outcome> = []
    one.start(one.decode(payload), given, (outcome) => outcomes.push(outcome))
    await turn()
    await turn()
    expect(outcomes.length).toBeLessThanOrEqual(1)
    return outcomes[0] ?? 'never'
  }
  return {
    one,
    causes,
    run,
    answer: async (payload, limitBytes = 1_000) => {
      const outcome = await run(body(payload))
      if (outcome === 'never') throw new Error('it never settled')
      return one.answer(outcome, limitBytes)
    },
  }
}

/** A handler of any shape at all, as JavaScript allows. */
const messageOf = (handler: unknown): Ready =>
  ready(createMicroservice('s').onMessage('m', t.unknown, handler as () => TE.TaskEither<never, string>))

describe('a handler', () => {
  test('is given the decoded payload and its context, and its Right is Done', async () => {
    const seen: Array<unknown> = []
    const { run } = ready(
      createMicroservice('s').onMessage('m', t.type({ a: t.number }), (payload, given) => {
        seen.push(payload, given)
        return TE.right('value')
      }),
    )
    const given = context()
    expect(await run(body({ a: 1, more: true }), given)).toEqual({ _tag: 'Done', value: 'value' })
    expect(seen).toEqual([{ a: 1, more: true }, given])
    expect(seen[1]).toBe(given)
  })

  test('that fails with its Left is Failed', async () => {
    expect(await messageOf(() => TE.left('no')).run(body(1))).toEqual({ _tag: 'Failed', error: 'no' })
  })

  const throws = (cause: unknown) => (): never => {
    throw cause
  }
  const boom = new Error('boom')
  const hostile = {
    get _tag(): never {
      throw boom
    },
  }
  const thenable = {
    get then(): never {
      throw boom
    },
  }
  test.each<readonly [string, unknown, unknown]>([
    ['throws at once', throws(boom), boom],
    ['throws undefined', throws(undefined), undefined],
    ['throws text', throws('text'), 'text'],
    ['throws in its task', () => throws(boom), boom],
    ['rejects', () => () => Promise.reject(boom), boom],
    ['rejects with nothing', () => () => Promise.resolve().then(throws(undefined)), undefined],
    ['resolves with a thenable that throws', () => () => thenable, boom],
    ['resolves with a value that throws when looked at', () => () => Promise.resolve(hostile), boom],
    ['is an async function that throws', async () => Promise.reject(boom), boom],
  ])('that %s is a Defect with that cause, and nothing stays unhandled', async (_, handler, cause) => {
    const { run, causes } = messageOf(handler)
    expect(await run(body(1))).toEqual({ _tag: 'Defect', errorId: 'error-1', cause })
    expect(causes).toEqual([cause])
  })

  test.each<readonly [string, unknown]>([
    ['nothing', () => undefined],
    ['a value', () => 5],
    ['a promise of an Either', async () => E.right(1)],
    ['a task of a value', () => () => Promise.resolve(5)],
    ['a task of nothing', () => () => Promise.resolve(undefined)],
    ['a task of something tagged', () => () => Promise.resolve({ _tag: 'Right' })],
  ])('that returns %s instead of a TaskEither is a Defect that says so', async (_, handler) => {
    const { run } = messageOf(handler)
    expect(await run(body(1))).toMatchObject({
      _tag: 'Defect',
      cause: { message: 'a handler must return a TaskEither' },
    })
  })

  test('that returns a task of an Either without a promise is taken at its word', async () => {
    expect(await messageOf(() => () => E.right(5)).run(body(1))).toEqual({ _tag: 'Done', value: 5 })
  })

  test('that never settles answers nothing', async () => {
    expect(await messageOf(() => () => new Promise(() => undefined)).run(body(1))).toBe('never')
  })
})

describe('a payload', () => {
  test('that does not decode is Invalid with paths and expected types, and the handler does not run', async () => {
    let ran = false
    const codec = t.type({ user: t.type({ age: t.number }), tags: t.array(t.string) })
    const { run } = ready(
      createMicroservice('s').onEvent('e', codec, () => {
        ran = true
        return TE.right(undefined)
      }),
    )
    expect(await run(body({ user: { age: 'secret' }, tags: ['a', 7] }))).toEqual({
      _tag: 'Invalid',
      issues: [
        { path: 'user.age', expected: 'number' },
        { path: 'tags.1', expected: 'string' },
      ],
    })
    expect(await run(new Uint8Array([0x7b]))).toMatchObject({
      _tag: 'Invalid',
      issues: [{ path: '', expected: 'JSON' }],
    })
    expect(ran).toBe(false)
  })

  test('whose codec throws is Invalid, and the cause is logged and not told', async () => {
    const throws = new t.Type<string>('T', t.string.is, () => { throw new Error('secret') }, String) // prettier-ignore
    const { run, causes } = ready(createMicroservice('s').onEvent('e', throws, () => TE.right(undefined)))
    const outcome = await run(body('x'))
    expect(outcome).toMatchObject({ _tag: 'Invalid', issues: [{ path: '' }] })
    expect(JSON.stringify(outcome)).not.toContain('secret')
    expect(causes).toMatchObject([{ message: 'secret' }])
  })

  test('never shows in what the caller is told, whatever it holds and whatever was expected', async () => {
    const codec = t.type({
      a: t.union([t.literal('x'), t.type({ b: t.number })]),
      list: t.array(t.intersection([t.type({ c: t.boolean }), t.partial({ d: t.string })])),
      kind: t.keyof({ one: null, two: null }),
      brand: t.brand(t.string, (s): s is t.Branded<string, { readonly Never: symbol }> => s.length < 0, 'Never'),
      tuple: t.tuple([t.null, t.UnknownArray]),
      record: t.record(t.keyof({ k: null }), t.Int),
    })
    const { answer } = ready(createMicroservice('s').onMessage('m', codec, () => TE.right(1)))
    const marked = fc.string().map((text) => `SECRET${text}`)
    const value = fc.oneof(
      marked,
      fc.integer(),
      fc.constant(null),
      fc.array(marked),
      fc.dictionary(fc.constantFrom('b', 'c', 'd'), marked),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.record(
          { a: value, list: fc.oneof(value, fc.array(value)), kind: value, brand: marked, tuple: value, record: value },
          { requiredKeys: ['brand'] },
        ),
        async (payload) => {
          const settlement = await answer(payload)
          expect(settlement).toMatchObject({ _tag: 'Fail', failure: { _tag: 'InvalidPayload' } })
          const sent = settlement._tag === 'Fail' ? encodeFailure(settlement.failure).body : ''
          expect(sent).not.toContain('SECRET')
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('the answer to a request', () => {
  const NotFound = t.type({ _tag: t.literal('NotFound'), id: t.number })
  const declaring = (handler: unknown) =>
    ready(
      createMicroservice('s').onMessage(
        'm',
        t.unknown,
        handler as () => TE.TaskEither<t.TypeOf<typeof NotFound>, number>,
        {
          reply: t.number,
          failure: NotFound,
        },
      ),
    )

  test('is the value, encoded by its codec', async () => {
    const Text = new t.Type<number, string>('N', t.number.is, t.number.validate, (n) => `n${n}`)
    const { answer } = ready(createMicroservice('s').onMessage('m', t.unknown, () => TE.right(5), { reply: Text }))
    expect(await answer(1)).toEqual({ _tag: 'Reply', status: 'ok', body: '"n5"' })
  })

  test('leaves out what an exact codec does not name', async () => {
    const { answer } = ready(
      createMicroservice('s').onMessage('m', t.unknown, () => TE.right({ a: 1, secret: 2 } as { a: number }), {
        reply: t.exact(t.type({ a: t.number })),
      }),
    )
    expect(await answer(1)).toEqual({ _tag: 'Reply', status: 'ok', body: '{"a":1}' })
  })

  test('of void is an empty body', async () => {
    expect(await messageOf(() => TE.right(undefined)).answer(1)).toEqual({ _tag: 'Reply', status: 'ok', body: '' })
  })

  test('is the declared failure, encoded by its codec', async () => {
    expect(await declaring(() => TE.left({ _tag: 'NotFound', id: 7 })).answer(1)).toEqual({
      _tag: 'Reply',
      status: 'error',
      body: '{"_tag":"NotFound","id":7}',
    })
  })

  test.each<readonly [string, Ready, string]>([
    ['without a codec', messageOf(() => TE.left({ _tag: 'Db', password: 'secret' })), "'Db'"],
    ['that its codec does not read', declaring(() => TE.left({ _tag: 'Db', password: 'secret' })), "'Db'"],
    ['of text', messageOf(() => TE.left('secret')), 'a string'],
    ['of nothing', messageOf(() => TE.left(undefined)), 'a undefined'],
  ])('to an undeclared failure %s is Internal: its tag in the log, its content nowhere', async (_, one, said) => {
    expect(await one.answer(1)).toEqual({ _tag: 'Fail', failure: { _tag: 'Internal', errorId: 'error-1' } })
    const message = String((one.causes[0] as Error).message)
    expect(message).toContain(said)
    expect(`${message}${String((one.causes[0] as Error).stack)}`).not.toMatch(/secret|password/)
  })

  test('to an undeclared Error is Internal, and the log has what it says itself', async () => {
    const failure = new Error('connection refused')
    const one = messageOf(() => TE.left(failure))
    expect(await one.answer(1)).toEqual({ _tag: 'Fail', failure: { _tag: 'Internal', errorId: 'error-1' } })
    expect(one.causes).toEqual([failure])
  })

  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  test.each<readonly [string, unknown]>([
    ['a bigint', 1n],
    ['a cycle', cycle],
    ['a function', () => 1],
    ['a value whose toJSON throws', { toJSON: () => { throw new Error('secret') } }], // prettier-ignore
  ])('that is %s is Internal', async (_, value) => {
    const { answer, causes } = messageOf(() => TE.right(value))
    expect(await answer(1)).toEqual({ _tag: 'Fail', failure: { _tag: 'Internal', errorId: 'error-1' } })
    expect(String((causes[0] as Error).message)).toMatch(/^the reply is not a JSON value/)
  })

  test.each([
    ['reply', TE.right(1)],
    ['failure', TE.left('no')],
  ] as const)('is Internal when the codec of the %s throws, and the cause is logged only', async (_, result) => {
    const throws = new t.Type<never>('T', (u): u is never => u === 1, t.success as never, () => { throw new Error('secret') }) // prettier-ignore
    const { answer, causes } = ready(
      createMicroservice('s').onMessage('m', t.unknown, () => result as TE.TaskEither<never, never>, {
        reply: throws,
        failure: throws,
      }),
    )
    expect(await answer(1)).toEqual({ _tag: 'Fail', failure: { _tag: 'Internal', errorId: 'error-1' } })
    expect(causes).toMatchObject([{ message: 'secret' }])
  })

  test('is MessageTooLarge past the limit, counted in bytes', async () => {
    const { answer } = messageOf(() => TE.right('ä'.repeat(49)))
    expect(await answer(1, 100)).toMatchObject({ _tag: 'Reply' })
    expect(await answer(1, 99)).toEqual({ _tag: 'Fail', failure: { _tag: 'MessageTooLarge', limitBytes: 99 } })
  })

  test.each<readonly [Outcome, Settlement]>([
    [
      { _tag: 'Invalid', issues: [{ path: 'a', expected: 'number' }] },
      { _tag: 'Fail', failure: { _tag: 'InvalidPayload', issues: [{ path: 'a', expected: 'number' }] } },
    ],
    [
      { _tag: 'Defect', errorId: 'id', cause: new Error('secret') },
      { _tag: 'Fail', failure: { _tag: 'Internal', errorId: 'id' } },
    ],
    [
      { _tag: 'TimedOut', afterMs: 5 },
      { _tag: 'Fail', failure: { _tag: 'TimeoutError', afterMs: 5, waitingFor: 'handler' } },
    ],
  ])('to %j', (outcome, settlement) => {
    expect(messageOf(() => TE.right(1)).one.answer(outcome, 100)).toEqual(settlement)
  })
})

describe('middleware', () => {
  const named =
    (name: string, order: Array<string>): Middleware =>
    (next) =>
    (arrival) =>
    async () => {
      order.push(`${name}>`)
      const outcome = await next(arrival)()
      order.push(`<${name}`)
      return outcome
    }
  const echo = (payload: unknown) => TE.right(payload)

  test('wraps from the outside in: the service before the included child, the first registered outermost', async () => {
    const order: Array<string> = []
    const child = createMicroservice('child')
      .use(named('child 1', order))
      .onMessage('m', t.unknown, echo)
      .use(named('child 2', order))
    const service = createMicroservice('s').use(named('1', order)).include(child).use(named('2', order))
    expect(await ready(service).run(body('x'))).toEqual({ _tag: 'Done', value: 'x' })
    expect(order).toEqual(['1>', '2>', 'child 1>', 'child 2>', '<child 2', '<child 1', '<2', '<1'])
  })

  test('sees what arrives, and where it is going', async () => {
    const seen: Array<unknown> = []
    const service = createMicroservice('s')
      .include(createMicroservice('child').onEvent('user.*', t.unknown, () => TE.right(undefined), { id: 'x' }))
      .use((next) => (arrival) => {
        seen.push(arrival)
        return next(arrival)
      })
    const given = context()
    await ready(service).run(body({ a: 1 }), given)
    expect(seen).toEqual([
      { kind: 'event', endpoint: 'x', pattern: 'user.*', origin: 'child', context: given, payload: { a: 1 } },
    ])
  })

  test('may replace the payload and the outcome', async () => {
    const { run } = ready(
      createMicroservice('s')
        .onMessage('m', t.number, echo)
        .use((next) => (arrival) => async () => {
          const outcome = await next({ ...arrival, payload: (arrival.payload as number) + 1 })()
          return outcome._tag === 'Done' ? { ...outcome, value: [outcome.value] } : outcome
        }),
    )
    expect(await run(body(1))).toEqual({ _tag: 'Done', value: [2] })
  })

  test('may pass on a spread copy of the context: the signal is still the one that fires', async () => {
    const seen: Array<Context> = []
    const { run } = ready(
      createMicroservice('s')
        .onMessage('m', t.unknown, (_, given) => {
          seen.push(given)
          return TE.right(1)
        })
        .use((next) => (arrival) => next({ ...arrival, context: { ...arrival.context, attempt: 9 } })),
    )
    const given = context()
    await run(body(1), given)
    expect(seen[0]).toMatchObject({ attempt: 9, messageId: given.messageId })
    expect(seen[0]?.signal).toBe(given.signal)
    abortContext(given, 'timeout')
    expect(seen[0]?.signal.reason).toBe('timeout')
  })

  test('may give the handler a signal of its own', async () => {
    const own = AbortSignal.abort('own')
    let seen: unknown
    const { run } = ready(
      createMicroservice('s')
        .onMessage('m', t.unknown, (_, { signal }) => {
          seen = signal
          return TE.right(1)
        })
        .use((next) => (arrival) => next({ ...arrival, context: { ...arrival.context, signal: own } })),
    )
    await run(body(1))
    expect(seen).toBe(own)
  })

  test('sees a payload that did not decode as undefined, and its outcome as Invalid; it cannot slip one in', async () => {
    const seen: Array<unknown> = []
    let ran = false
    const { run } = ready(
      createMicroservice('s')
        .onMessage('m', t.number, () => {
          ran = true
          return TE.right(1)
        })
        .use((next) => (arrival) => async () => {
          const outcome = await next({ ...arrival, payload: 5 })()
          seen.push(arrival.payload, outcome)
          return outcome
        }),
    )
    const invalid = { _tag: 'Invalid', issues: [{ path: '', expected: 'number' }] }
    expect(await run(body('text'))).toEqual(invalid)
    expect([seen, ran]).toEqual([[undefined, invalid], false])
  })

  test('may answer without the handler, and may run it twice', async () => {
    let runs = 0
    const service = createMicroservice('s').onMessage('m', t.unknown, () => {
      runs++
      return TE.right(runs)
    })
    expect(await ready(service.use(() => () => async () => ({ _tag: 'Failed', error: 'no' }))).run(body(1))).toEqual({
      _tag: 'Failed',
      error: 'no',
    })
    const twice = service.use((next) => (arrival) => async () => {
      await next(arrival)()
      return next(arrival)()
    })
    expect([await ready(twice).run(body(1)), runs]).toEqual([{ _tag: 'Done', value: 2 }, 2])
  })

  const boom = new Error('boom')
  test.each<readonly [string, unknown]>([
    ['throws when it is built', () => { throw boom }], // prettier-ignore
    ['throws on arrival', () => () => { throw boom }], // prettier-ignore
    ['throws in its task', () => () => () => { throw boom }], // prettier-ignore
    ['rejects', () => () => () => Promise.reject(boom)],
    ['rejects after the handler', (next: (a: unknown) => () => Promise<unknown>) => (a: unknown) => () => next(a)().then(() => Promise.reject(boom))], // prettier-ignore
  ])('that %s makes a Defect, once', async (_, middleware) => {
    const service = createMicroservice('s').onMessage('m', t.unknown, echo)
    const { run, causes } = ready(service.use(middleware as Middleware))
    expect(await run(body(1))).toEqual({ _tag: 'Defect', errorId: 'error-1', cause: boom })
    expect(causes).toHaveLength(1)
  })

  test.each<readonly [string, unknown]>([
    ['nothing', () => () => async () => undefined],
    ['what is no outcome', () => () => async () => ({ _tag: 'Right', right: 1 })],
    ['a task that it did not run', (next: unknown) => (a: unknown) => async () => (next as (a: unknown) => unknown)(a)],
  ])('that answers with %s makes a Defect that says so', async (_, middleware) => {
    const service = createMicroservice('s').onMessage('m', t.unknown, echo)
    const { run } = ready(service.use(middleware as Middleware))
    expect(await run(body(1))).toMatchObject({
      _tag: 'Defect',
      cause: { message: 'a middleware must answer with an Outcome' },
    })
  })

  test('never sees the handler throw: next resolves with the Defect', async () => {
    const seen: Array<Outcome> = []
    const { run } = ready(
      createMicroservice('s')
        .onEvent('e', t.unknown, () => {
          throw boom
        }) // prettier-ignore
        .use((next) => (arrival) => async () => {
          seen.push(await next(arrival)())
          return { _tag: 'Done', value: undefined }
        }),
    )
    expect(await run(body(1))).toEqual({ _tag: 'Done', value: undefined })
    expect(seen).toEqual([{ _tag: 'Defect', errorId: 'error-1', cause: boom }])
  })
})

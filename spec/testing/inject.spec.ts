import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice, type Context, type Serde } from 'taskwire'
import { memory } from 'taskwire/memory'
import { fixtureContext, inject } from 'taskwire/testing'
import { describe, expect, test } from 'vitest'

const NotFound = t.type({ _tag: t.literal('NotFound') })
const Day = new t.Type<Date, string>(
  'Day',
  (u): u is Date => u instanceof Date,
  (u, c) => (typeof u === 'string' ? t.success(new Date(u)) : t.failure(u, c)),
  (day) => day.toISOString(),
)
const throws = (): never => {
  throw new Error('secret')
}

describe('emit', () => {
  test('runs every handler of the pattern once, wildcards and every `on` included, and no other', async () => {
    const ran: Array<string> = []
    const run = (name: string) => () => {
      ran.push(name)
      return TE.right(undefined)
    }
    const service = createMicroservice('s')
      .transport(memory({ name: 'a' }))
      .onEvent('user.created', t.string, run('exact'))
      .onEvent('user.*', t.string, run('one'), { on: ['a'] })
      .onEvent('#', t.string, run('all'))
      .onEvent('user.created', t.string, run('second'))
      .onEvent('user.deleted', t.string, run('other'))
      .onEvent('order.*', t.string, run('elsewhere'))
      .onMessage('user.created', t.string, run('message'))
    expect(await inject(service).emit('user.created')('ann')()).toEqual(E.right(undefined))
    expect(ran).toEqual(['exact', 'one', 'all', 'second'])
  })

  test('lists every failure in the order of definition; the others run all the same', async () => {
    let ran = 0
    const service = createMicroservice('s')
      .onEvent('e', t.unknown, () => TE.left('no'))
      .onEvent('e', t.unknown, () => {
        ran++
        return TE.right(undefined)
      })
      .onEvent('e', t.unknown, throws)
      .onEvent('e', t.type({ a: t.number }) as t.Type<unknown>, () => TE.right(undefined))
    const failures = [
      { _tag: 'HandlerFailed', error: 'no' },
      { _tag: 'Internal', errorId: expect.any(String) },
      { _tag: 'InvalidPayload', issues: [{ path: '', expected: '{ a: number }' }] },
    ]
    expect(await inject(service).emit('e')(1)()).toEqual(E.left({ ...failures[0], failures }))
    expect(ran).toBe(1)
  })

  test('tries nothing again', async () => {
    let ran = 0
    const service = createMicroservice('s', { classify: () => 'retryable' }).onEvent('e', t.unknown, () => {
      ran++
      return TE.left('no')
    })
    await inject(service).emit('e')(1)()
    expect(ran).toBe(1)
  })

  test.each(['user.*', '#'])('takes no wildcard, as no client does: %s', async (pattern) => {
    const service = createMicroservice('s').onEvent(pattern, t.unknown, throws)
    expect(await inject(service).raw(pattern)(1)()).toMatchObject({ left: { _tag: 'InvalidPayload' } })
  })
})

describe('send', () => {
  test('encodes and decodes both ways, as over a wire', async () => {
    const seen: Array<unknown> = []
    const service = createMicroservice('s').onMessage(
      'next',
      t.type({ day: Day }),
      ({ day }) => {
        seen.push(day)
        return TE.right(new Date(day.getTime() + 86_400_000))
      },
      { reply: Day },
    )
    const day = new Date('2024-01-01T00:00:00.000Z')
    expect(await inject(service).send('next')({ day })()).toEqual(E.right(new Date('2024-01-02T00:00:00.000Z')))
    expect(seen).toEqual([day])
    expect(seen[0]).not.toBe(day)
  })

  test('strips what an exact codec does not name, on the way in and on the way out', async () => {
    const seen: Array<unknown> = []
    const A = t.exact(t.type({ a: t.number }))
    const service = createMicroservice('s').onMessage(
      'm',
      A,
      (payload) => {
        seen.push(payload)
        return TE.right({ a: 2, secret: true } as { a: number })
      },
      { reply: A },
    )
    expect(await inject(service).send('m')({ a: 1, more: true } as { a: number })()).toEqual(E.right({ a: 2 }))
    expect(seen).toEqual([{ a: 1 }])
  })

  test('turns what JSON has no word for into what arrives', async () => {
    const service = createMicroservice('s').onMessage('m', t.void, () => TE.right({ a: undefined, day: new Date(0) }))
    expect(await inject(service).raw('m')(undefined)()).toEqual(E.right({ day: '1970-01-01T00:00:00.000Z' }))
  })

  test('runs nothing for void, an empty body both ways', async () => {
    const service = createMicroservice('s').onMessage('m', t.void, () => TE.right(undefined))
    expect(await inject(service).send('m')(undefined)()).toEqual(E.right(undefined))
  })

  test('fails with the declared failure, decoded, and with an undeclared one as it is', async () => {
    const service = createMicroservice('s')
      .onMessage('declared', t.void, () => TE.left({ _tag: 'NotFound' }), { failure: NotFound })
      .onMessage('undeclared', t.void, () => TE.left({ _tag: 'Db', cause: 7n }))
    const run = inject(service)
    expect(await run.send('declared')(undefined)()).toEqual(
      E.left({ _tag: 'HandlerFailed', error: { _tag: 'NotFound' } }),
    )
    expect(await run.send('undeclared')(undefined)()).toEqual(
      E.left({ _tag: 'HandlerFailed', error: { _tag: 'Db', cause: 7n } }),
    )
  })

  test.each<readonly [string, (payload: unknown) => unknown, object]>([
    ['a defect', throws, { _tag: 'Internal' }],
    ['a reply that is not JSON', () => TE.right(7n), { _tag: 'Internal' }],
    ['a failure of another shape than declared', () => TE.left({ _tag: 'Db' }), { _tag: 'Internal' }],
    ['a reply of another shape than its codec', () => TE.right('text'), { _tag: 'InvalidReply' }],
  ])('fails typed for %s', async (_, handler, left) => {
    const service = createMicroservice('s').onMessage('m', t.unknown, handler as () => TE.TaskEither<never, number>, {
      reply: t.number,
      failure: NotFound as unknown as t.Type<never>,
    })
    expect(await inject(service).send('m')(1)()).toMatchObject({ _tag: 'Left', left })
  })

  test('never rejects, whatever codecs and the log do', async () => {
    const broken = new t.Type<number>('Broken', t.number.is, throws, throws)
    const decodes = new t.Type<number>('Decodes', t.number.is, throws, t.identity)
    const service = createMicroservice('s')
      .onMessage('payload', broken, () => TE.right(1))
      .onMessage('reply', t.unknown, () => TE.right(1), { reply: decodes })
      .onMessage('defect', t.unknown, () => {
        throw Object.create(null)
      })
    const run = inject(service, { log: throws })
    expect(await run.send('payload')(1)()).toMatchObject({ left: { _tag: 'InvalidPayload' } })
    expect(await run.raw('payload')(1)()).toMatchObject({ left: { _tag: 'InvalidPayload' } })
    expect(await run.send('reply')(1)()).toMatchObject({ left: { _tag: 'InvalidReply' } })
    expect(await run.send('defect')(1)()).toMatchObject({ left: { _tag: 'Internal' } })
  })
})

describe('raw', () => {
  const service = createMicroservice('s')
    .onMessage('m', t.type({ a: t.number }), ({ a }) => TE.right(a + 1))
    .onEvent('e', t.number, () => TE.right(undefined))
  test('feeds any value at all in place of an encoded payload', async () => {
    const run = inject(service)
    expect(await run.raw('m')({ a: 'text' })()).toEqual(
      E.left({ _tag: 'InvalidPayload', issues: [{ path: 'a', expected: 'number' }] }),
    )
    expect(await run.raw('m')({ a: 1 })()).toEqual(E.right(2))
    expect(await run.raw('e')('text')()).toMatchObject({ left: { _tag: 'InvalidPayload', failures: [{}] } })
    expect(await run.raw('e')(1)()).toEqual(E.right(undefined))
    expect(await run.raw('m')(7n)()).toMatchObject({ left: { _tag: 'InvalidPayload' } })
  })

  test.each<readonly [unknown, string]>([
    ['elsewhere', 'elsewhere'],
    [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
    ['', '""'],
    [7n, 'a bigint'],
  ])('answers NoHandler where nobody listens: %s', async (pattern, said) => {
    expect(await inject(service).raw(pattern as string)(1)()).toEqual(E.left({ _tag: 'NoHandler', pattern: said }))
  })
})

describe('the context', () => {
  const seen: Array<Context> = []
  const service = createMicroservice('s').onEvent('user.*', t.unknown, (_, context) => {
    seen.push(context)
    return TE.right(undefined)
  })

  test('is that of a fixture, with the pattern that was emitted', async () => {
    await inject(service).emit('user.created')(1)()
    expect(seen.at(-1)).toMatchObject({
      transport: 'memory',
      pattern: 'user.created',
      messageId: 'message-1',
      attempt: 1,
      deadline: O.none,
      headers: {},
    })
    expect(seen.at(-1)?.signal.aborted).toBe(false)
  })

  test('can be overridden, field by field, signal included', async () => {
    const signal = AbortSignal.abort()
    await inject(service, { context: { headers: { a: '1' }, attempt: 3, signal } }).emit('user.created')(1)()
    expect(seen.at(-1)).toMatchObject({ headers: { a: '1' }, attempt: 3, messageId: 'message-1' })
    expect(seen.at(-1)?.signal).toBe(signal)
  })

  test('of a fixture serves handlers that are called as plain functions', () => {
    expect(fixtureContext()).toMatchObject({ attempt: 1, deadline: O.none, messageId: 'message-1' })
    expect(fixtureContext({ attempt: 2, topic: 'users' })).toMatchObject({ attempt: 2, topic: 'users' })
    expect(fixtureContext().signal.aborted).toBe(false)
  })
})

describe('inject', () => {
  test('runs the middleware of the service', async () => {
    const service = createMicroservice('s')
      .onMessage('m', t.number, (n) => TE.right(n))
      .use((next) => (arrival) => next({ ...arrival, payload: 41 }))
    expect(await inject(service).send('m')(1)()).toEqual(E.right(41))
  })

  test('speaks the format of the service', async () => {
    const reversed: Serde = {
      contentType: 'text/reversed',
      serialize: (value) => E.right(Buffer.from(JSON.stringify(value)).reverse().toString()),
      parse: (body) => E.right(JSON.parse(Buffer.from(body).reverse().toString())),
    }
    const service = createMicroservice('s', { serde: reversed }).onMessage('m', t.string, (text) => TE.right(text))
    expect(await inject(service).send('m')('abc')()).toEqual(E.right('abc'))
  })

  test('logs a line for each defect, under the id in its answer', async () => {
    const lines: Array<string> = []
    const service = createMicroservice('s').onMessage('m', t.void, throws)
    const result = await inject(service, { log: (line) => lines.push(line) }).raw('m')(undefined)()
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(E.isLeft(result) && result.left._tag === 'Internal' ? result.left.errorId : '?')
    expect(lines[0]).toContain('in m: ')
  })

  test('throws the list of mistakes for a definition that is invalid, and needs no transport', () => {
    const service = createMicroservice('s')
      .onEvent('', t.unknown, throws)
      .onMessage('m', t.unknown, throws)
      .onMessage('m', t.unknown, throws)
    expect(() => inject(service)).toThrow(/the definition has mistakes: the pattern "" cannot be used: .*; two message/)
    expect(() => inject(createMicroservice('s').onEvent('e', t.unknown, throws))).not.toThrow()
  })
})

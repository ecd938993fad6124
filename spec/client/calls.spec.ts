import { getEventListeners } from 'node:events'
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { event, message } from 'taskwire'
import { describe, expect, test, vi } from 'vitest'
import { accepted, caller, connected, failing, reply, soFar } from './support/caller.js'
import { turn } from '../runtime/support/stage.js'

const cancelled = E.left({ _tag: 'Cancelled' })
const timeout = (afterMs: number, waitingFor: 'connection' | 'reply') =>
  E.left({ _tag: 'TimeoutError', afterMs, waitingFor })
const never = () => new Promise<never>(() => undefined)
const Get = message('get', { request: t.number, reply: t.string, failure: t.type({ _tag: t.literal('Missing') }) })

describe('a client', () => {
  test('opens nothing before its first call, and then one connection for all', async () => {
    const { client, journal, asked, last } = caller()
    await turn()
    expect(journal).toEqual([])
    const calls = [client.send('get', 1, t.string)(), client.send('get', 2, t.string)(), client.emit('e', 3)()]
    await turn()
    expect([journal, asked.length]).toEqual([['connect'], 3])
    last().answer(accepted)
    asked.slice(0, 2).forEach(({ answer }) => answer(reply('value')))
    expect(await Promise.all(calls)).toEqual([E.right('value'), E.right('value'), E.right(undefined)])
    void client.emit('e', 4)()
    expect([journal, asked.length]).toEqual([['connect'], 4])
  })

  test('makes a message of its own for each run of a TaskEither', async () => {
    const { client, asked } = await connected()
    const emit = client.emit('e', 1)
    const send = client.send('get', 1, t.string, { idempotent: true })
    for (const run of [emit, emit, send, send]) void run()
    const ids = asked.map(({ message: { messageId } }) => messageId)
    expect(new Set(ids).size).toBe(4)
    expect(ids.every((id) => /^[0-9a-f]{32}$/.test(id ?? ''))).toBe(true)
  })

  test('leaves the id of a request that is sent at most once to the transport, and keeps the one it is given', async () => {
    const { client, last } = await connected()
    void client.send('get', 1, t.string)()
    expect(last().message.messageId).toBeUndefined()
    void client.send('get', 1, t.string, { messageId: 'mine' })()
    expect(last().message.messageId).toBe('mine')
    void client.emit('e', 1, { messageId: 'mine' })()
    expect(last().message.messageId).toBe('mine')
  })

  test('says what it sends: canonical pattern, encoded body, content type, headers, key, flags, time', async () => {
    const { client, last } = await connected()
    const Paid = event({ b: 1, a: 2 }, t.type({ user: t.string }), { key: ({ user }) => user })
    void client.emit(Paid, { user: 'u' }, { headers: { Case: 'Kept' }, mandatory: true, timeout: 300 })()
    expect(last()).toMatchObject({
      kind: 'publish',
      message: {
        pattern: '{"a":2,"b":1}',
        body: '{"user":"u"}',
        contentType: 'application/json',
        headers: { Case: 'Kept' },
        key: 'u',
        mandatory: true,
        idempotent: false,
        timeoutMs: 300,
        correlationId: undefined,
        causationId: undefined,
      },
    })
    void client.emit(Paid, { user: 'u' }, { key: 'own' })()
    expect(last().message).toMatchObject({ key: 'own', timeoutMs: 10_000, headers: {}, mandatory: false })
    void client.send(Get, 1, { idempotent: true })()
    expect(last()).toMatchObject({ kind: 'request', message: { body: '1', key: undefined, idempotent: true } })
  })

  test('takes any number of patterns, and each for what it is', async () => {
    const { client, asked } = await connected()
    for (let i = 0; i < 2_500; i++) void client.emit(`p${i % 1_100}`, i)()
    expect(asked.every(({ message: { pattern, body } }, i) => pattern === `p${i % 1_100}` && body === String(i))).toBe(
      true,
    )
    void client.emit(1, 0)()
    void client.emit('1', 0)()
    expect(asked.slice(-2).map(({ message: { pattern } }) => pattern)).toEqual(['1', '"1"'])
  })

  test('decodes replies: contract or codec, unknown extra fields, nothing at all', async () => {
    const { client, last } = await connected()
    const ask = async (call: () => Promise<unknown>, answer: unknown, status?: 'error') => {
      const result = call()
      last().answer(reply(answer, status))
      return result
    }
    expect(await ask(client.send(Get, 1), 'text')).toEqual(E.right('text'))
    expect(await ask(client.send('get', 1, t.type({ a: t.number })), { a: 1, extra: true })).toEqual(
      E.right({ a: 1, extra: true }),
    )
    expect(await ask(client.send('get', 1, t.exact(t.type({ a: t.number }))), { a: 1, extra: true })).toEqual(
      E.right({ a: 1 }),
    )
    expect(await ask(client.send('get', undefined, t.void), undefined)).toEqual(E.right(undefined))
    expect(await ask(client.send(message('get', { request: t.void }), undefined), { any: 1 })).toEqual(
      E.right({ any: 1 }),
    )
    expect(await ask(client.send(Get, 1), { _tag: 'Missing', more: 1 }, 'error')).toEqual(
      E.left({ _tag: 'HandlerFailed', error: { _tag: 'Missing', more: 1 } }),
    )
    expect(await ask(client.send('get', 1, t.string), 'declared', 'error')).toEqual(
      E.left({ _tag: 'HandlerFailed', error: 'declared' }),
    )
  })

  test('calls a reply that does not decode InvalidReply, and never shows the value', async () => {
    const { client, last } = await connected()
    const Throws = new t.Type<string>(
      'Throws',
      t.string.is,
      () => {
        throw new Error('secret')
      },
      String,
    )
    const cases: ReadonlyArray<readonly [() => Promise<unknown>, () => void, string]> = [
      [client.send(Get, 1), () => last().answer(reply(7)), 'string'],
      [client.send(Get, 1), () => last().answer(reply({ _tag: 'secret' }, 'error')), '"Missing"'],
      [
        client.send('get', 1, Throws),
        () => last().answer(reply('secret')),
        'a reply that can be read without an error',
      ],
      [
        client.send('get', 1, t.unknown),
        () => last().answer({ _tag: 'Reply', status: 'ok', body: new Uint8Array([0xff]) }),
        'well-formed UTF-8',
      ],
    ]
    for (const [call, answer, expected] of cases) {
      const result = call()
      answer()
      expect(await result).toMatchObject({ left: { _tag: 'InvalidReply', issues: [{ expected }] } })
      expect(JSON.stringify(await result)).not.toContain('secret')
    }
  })

  test('passes on what the transport failed with, and asks once', async () => {
    const { client, last, asked, time } = await connected()
    const result = client.send(Get, 1)()
    last().answer(failing('yes', undefined, { _tag: 'Internal', errorId: 'e' }))
    expect(await result).toEqual(E.left({ _tag: 'Internal', errorId: 'e' }))
    await time.advance(30_000)
    expect(asked).toHaveLength(1)
  })

  test('ignores late and further answers', async () => {
    const { client, last, time } = await connected()
    const result = client.send(Get, 1, { timeout: 100 })()
    const { answer } = last()
    await time.advance(120)
    answer(reply('late'))
    expect(await result).toEqual(timeout(100, 'reply'))
    const second = client.send(Get, 1)()
    last().answer(reply('one'))
    last().answer(reply('two'))
    expect(await second).toEqual(E.right('one'))
  })
})

describe('the deadline of a call', () => {
  test('is 10 s by default, kept within a tick, and cancels at the transport', async () => {
    const { client, last, time } = await connected()
    const result = client.send(Get, 1)()
    await time.advance(9_999)
    expect(await soFar(result)).toBe('pending')
    await time.advance(21)
    expect(await soFar(result)).toEqual(timeout(10_000, 'reply'))
    expect([last().cancelled, time.pending()]).toEqual([true, 0])
  })

  test('covers connecting, and says that it waited for the connection', async () => {
    const { client, time, asked } = caller({ connect: never, status: 'connecting' })
    const sent = client.send(Get, 1, { timeout: 500 })()
    const emitted = client.emit('e', 1, { timeout: 500 })()
    await time.advance(520)
    expect([await sent, await emitted]).toEqual([timeout(500, 'connection'), timeout(500, 'connection')])
    expect([asked.length, time.pending()]).toEqual([0, 0])
  })

  test('of a connection that is there but not ready: waited for the connection', async () => {
    const { client, time } = await connected({ status: 'connecting' })
    const sent = client.send(Get, 1, { timeout: 500 })()
    const emitted = client.emit('e', 1, { timeout: 500 })()
    await time.advance(520)
    expect([await sent, await emitted]).toEqual([timeout(500, 'connection'), timeout(500, 'connection')])
  })

  test('travels as what is left of it: less what connecting took', async () => {
    const slow = () => new Promise<never>((resolve) => time.clock.after(300, () => resolve(E.right(1) as never)))
    const { client, time, last } = caller({ connect: slow })
    void client.send(Get, 1, { timeout: 1_000 })()
    await time.advance(300)
    expect(last().message.timeoutMs).toBe(700)
  })

  test('that is not above zero fails at once, without I/O', async () => {
    const { client, journal } = caller()
    expect(await client.send(Get, 1, { timeout: 0 })()).toEqual(timeout(0, 'connection'))
    expect(await client.emit('e', 1, { timeout: -5 })()).toEqual(timeout(0, 'connection'))
    expect(journal).toEqual([])
  })

  test.each([Infinity, Number.MAX_SAFE_INTEGER])('of %d ms is one that no timer overflows with', async (ms) => {
    const { client, last, time } = await connected()
    const result = client.send(Get, 1, { timeout: ms })()
    expect(last().message.timeoutMs).toBe(2 ** 31 - 1)
    await time.advance(1_000)
    expect(await soFar(result)).toBe('pending')
  })
})

describe('cancelling', () => {
  test('with a signal that is aborted already sends nothing', async () => {
    const { client, journal } = caller()
    expect(await client.send(Get, 1, { signal: AbortSignal.abort() })()).toEqual(cancelled)
    expect(await client.emit('e', 1, { signal: AbortSignal.abort() })()).toEqual(cancelled)
    expect(journal).toEqual([])
  })

  test('with a signal settles the call at once and tells the transport', async () => {
    const { client, last, time } = await connected()
    const controller = new AbortController()
    const sent = client.send(Get, 1, { signal: controller.signal })()
    const request = last()
    const emitted = client.emit('e', 1, { signal: controller.signal })()
    controller.abort()
    expect([await sent, await emitted]).toEqual([cancelled, cancelled])
    expect([request.cancelled, last().cancelled]).toEqual([true, true])
    await time.advance(20)
    expect(time.pending()).toBe(0)
  })

  test.each([
    ['it connects', { connect: never }],
    ['it waits for another attempt', { reply: () => failing('no', 1_000) }],
  ])('while %s leaves nothing under way', async (_, options) => {
    const { client, asked, time } = caller(options)
    const controller = new AbortController()
    const result = client.send(Get, 1, { signal: controller.signal })()
    await turn()
    const before = asked.length
    controller.abort()
    expect(await soFar(result)).toEqual(cancelled)
    await time.advance(10_000)
    expect([asked.length - before, time.pending()]).toEqual([0, 0])
  })

  test('with one signal for several calls cancels those that are left, and only those', async () => {
    const { client, asked } = await connected()
    const controller = new AbortController()
    const options = { signal: controller.signal }
    const calls = [1, 2, 3].map((i) => client.send(Get, i, options)())
    asked[0]?.answer(reply('value'))
    controller.abort()
    expect(await Promise.all(calls)).toEqual([E.right('value'), cancelled, cancelled])
    expect(asked.map((one) => one.cancelled)).toEqual([false, true, true])
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  test('leaves no listener on a signal that outlives 1,000 calls, however they end', async () => {
    const { client, asked, time } = await connected()
    const { signal } = new AbortController()
    const warned = vi.spyOn(process, 'emitWarning')
    const calls = Array.from({ length: 1_000 }, (_, i) => client.send(Get, i, { signal, timeout: 1_000 })())
    asked.forEach(({ answer }, i) => {
      if (i % 3 === 0) answer(reply('value'))
      if (i % 3 === 1) answer(failing('yes', undefined))
    })
    await time.advance(1_020)
    await Promise.all(calls)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    expect(warned).not.toHaveBeenCalled()
    warned.mockRestore()
    expect(time.pending()).toBe(0)
  })
})

describe('bounds', () => {
  test('the 10,001st call under way is Overloaded, and others fit again once one has ended', async () => {
    const { client, last, asked } = await connected()
    for (let i = 0; i < 10_000; i++) void client.send(Get, i)()
    expect(await client.send(Get, 1)()).toEqual(E.left({ _tag: 'Overloaded', limit: 10_000 }))
    expect(await client.emit('e', 1)()).toEqual(E.left({ _tag: 'Overloaded', limit: 10_000 }))
    expect(asked).toHaveLength(10_000)
    last().answer(reply('done'))
    void client.send(Get, 1)()
    expect(asked).toHaveLength(10_001)
  })

  test('bodies under way have 64 MiB in all; a larger one goes alone', async () => {
    const { client, asked, last } = await connected({ maxMessageBytes: 2 ** 31 })
    const big = 'x'.repeat(32 * 1_048_576 - 2)
    void client.emit('e', big)()
    void client.emit('e', big)()
    expect(asked).toHaveLength(2)
    expect(await client.emit('e', 1)()).toMatchObject({ left: { _tag: 'Overloaded' } })
    asked.forEach(({ answer }) => answer(accepted))
    void client.emit('e', `${big}${big}${big}`)()
    expect(asked).toHaveLength(3)
    last().answer(accepted)
    void client.emit('e', 1)()
    expect(asked).toHaveLength(4)
  })
})

describe('what is refused before any I/O', () => {
  const issue = (path: string) => ({ left: { _tag: 'InvalidPayload', issues: [{ path }] } })
  test.each<readonly [string, unknown, unknown]>([
    ['a wildcard', 'user.*', issue('pattern')],
    ['a wildcard for any rest', 'user.#', issue('pattern')],
    ['an empty pattern', '', issue('pattern')],
    ['an array', [1, 2], issue('pattern')],
    ['nothing', undefined, issue('pattern')],
    ['a pattern of more than 200 bytes', 'p'.repeat(201), issue('pattern')],
    ['a contract with a wildcard', event('user.*', t.unknown), issue('pattern')],
  ])('%s as a pattern', async (_, pattern, left) => {
    const { client, journal } = caller()
    expect(await client.emit(pattern as string, 1)()).toMatchObject(left as object)
    expect(await client.send(pattern as string, 1, t.unknown)()).toMatchObject(left as object)
    expect(journal).toEqual([])
  })

  test.each<readonly [string, Readonly<Record<string, string>>, string]>([
    ['a reserved name', { 'Taskwire-Id': '1' }, 'headers.Taskwire-Id'],
    ['too many', Object.fromEntries(Array.from({ length: 65 }, (__, i) => [`h${i}`, ''])), 'headers'],
    ['too large', { h: 'x'.repeat(8_192) }, 'headers'],
    ['a value that is no text', { h: 1 as never }, 'headers.h'],
  ])('headers with %s', async (_, headers, path) => {
    const { client, journal } = caller()
    expect(await client.emit('e', 1, { headers })()).toMatchObject(issue(path))
    expect(await client.send(Get, 1, { headers })()).toMatchObject(issue(path))
    expect(journal).toEqual([])
  })

  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  test.each<readonly [string, unknown]>([
    ['a bigint', 1n],
    ['a cycle', cycle],
    ['a function', () => undefined],
    ['a symbol', Symbol('s')],
  ])('%s as a payload', async (_, payload) => {
    const { client, journal } = caller()
    expect(await client.emit('e', payload)()).toMatchObject(issue(''))
    expect(journal).toEqual([])
  })

  test('a payload whose codec throws, or whose key does', async () => {
    const { client, journal } = caller()
    const throws = (): never => {
      throw new Error('secret')
    }
    const codec = new t.Type<string>('C', t.string.is, t.success as never, throws)
    for (const [contract, path] of [
      [event('e', codec), ''],
      [event('e', t.string, { key: throws }), 'key'],
    ] as const) {
      const result = await client.emit(contract, 'payload')()
      expect(result).toMatchObject(issue(path))
      expect(JSON.stringify(result)).not.toMatch(/secret|payload/)
    }
    expect(journal).toEqual([])
  })

  test('a body that is larger than the transport takes, counted in bytes', async () => {
    const { client, asked } = await connected({ maxMessageBytes: 10 })
    expect(await client.emit('e', 'ääää€')()).toEqual(E.left({ _tag: 'MessageTooLarge', limitBytes: 10 }))
    void client.emit('e', 'ääää')()
    expect(asked).toHaveLength(1)
  })
})

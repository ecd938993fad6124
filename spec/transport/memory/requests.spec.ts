import * as O from 'fp-ts/lib/Option.js'
import { describe, expect, test } from 'vitest'
import type { Failure } from '../../../lib/core/error.js'
import type { Settlement } from '../../../lib/core/settlement.js'
import type { Answer } from '../../../lib/transport/transport.js'
import { ack, harness, outgoing, reply, request, subscription, text, turn } from './harness.js'

const get = subscription('get', { kind: 'message' })

describe('requests', () => {
  test('are handled by one replica each, in turn, whatever the group', async () => {
    const { replica, connect } = harness()
    const replicas = await Promise.all(
      ['users', 'users', 'other', ''].map((group) => replica(group, [get], ({ body }) => reply(text(body)))),
    )
    const client = await connect()
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => request(client, 'get', String(i))))
    expect(answers.map((answer) => (answer._tag === 'Reply' ? text(answer.body) : answer._tag))).toEqual(
      Array.from({ length: 100 }, (_, i) => String(i)),
    )
    expect(replicas.map(({ got }) => got.length)).toEqual([25, 25, 25, 25])
  })

  test('find their own replies among 1,000 that come back shuffled', async () => {
    const { replica, connect } = harness()
    const { got } = await replica('users', [{ ...get, concurrency: 1_000, window: 1_000 }])
    const client = await connect()
    const answers = Promise.all(Array.from({ length: 1_000 }, (_, i) => request(client, 'get', String(i))))
    await turn()
    const shuffled = got.map((each, i) => [(i * 7919) % 1_000, each] as const).sort(([a], [b]) => a - b)
    for (const [, { body, settle }] of shuffled) settle(reply(`"${text(body)}"`))
    expect((await answers).map((answer) => (answer._tag === 'Reply' ? text(answer.body) : ''))).toEqual(
      Array.from({ length: 1_000 }, (_, i) => `"${String(i)}"`),
    )
  })

  test('that nobody handles fail at once, as not processed', async () => {
    const { replica, connect } = harness()
    const client = await connect()
    const nobody: Answer = {
      _tag: 'Failing',
      error: { _tag: 'NoHandler', pattern: 'get' },
      processed: 'no',
      retryAfterMs: undefined,
    }
    expect(await request(client, 'get')).toEqual(nobody)
    const { stop } = await replica('users', [get, subscription('event')], () => reply(''))
    expect(await request(client, 'event')).toMatchObject({ error: { _tag: 'NoHandler' } })
    expect(await request(client, 'get')).toMatchObject({ _tag: 'Reply' })
    await stop()
    expect(await request(client, 'get')).toEqual(nobody)
  })

  test('carry their deadline over, less what they spent waiting for a slot', async () => {
    const { replica, connect, time } = harness()
    const { got } = await replica('users', [{ ...get, concurrency: 1, window: 1 }])
    const client = await connect()
    await time.advance(100)
    void request(client, 'get', '1', { timeoutMs: 2_000 })
    void request(client, 'get', '2', { timeoutMs: 2_000 })
    await time.advance(500)
    got[0]?.settle(reply(''))
    await turn()
    expect(got.map(({ context }) => context.deadline)).toEqual([O.some(2_100), O.some(2_100)])
    expect(got.map(({ at }) => at)).toEqual([100, 600])
  })

  const internal: Failure = { _tag: 'Internal', errorId: 'e' }
  const refused: Failure = { _tag: 'InvalidPayload', issues: [{ path: 'a', expected: 'string' }] }
  test.each<readonly [string, Settlement, unknown]>([
    ['a value', reply('1'), { _tag: 'Reply', status: 'ok', body: new TextEncoder().encode('1') }],
    ['nothing', reply(''), { _tag: 'Reply', status: 'ok', body: new Uint8Array(0) }],
    [
      'a declared failure',
      { _tag: 'Reply', status: 'error', body: new Uint8Array([1, 2]) },
      { _tag: 'Reply', status: 'error', body: new Uint8Array([1, 2]) },
    ],
    ['a failure', { _tag: 'Fail', failure: internal }, { error: internal, processed: 'yes', retryAfterMs: undefined }],
    ['a refusal of the payload', { _tag: 'Fail', failure: refused }, { error: refused, processed: 'no' }],
    [
      'too large a reply',
      { _tag: 'Reply', status: 'ok', body: new Uint8Array(1_048_577) },
      { error: { _tag: 'MessageTooLarge', limitBytes: 1_048_576 }, processed: 'yes' },
    ],
    [
      'an overload',
      { _tag: 'Refuse', because: 'overloaded', limit: 9 },
      { error: { _tag: 'Overloaded', limit: 9 }, processed: 'no', retryAfterMs: 100 },
    ],
    [
      'a shutdown',
      { _tag: 'Refuse', because: 'draining', limit: 0 },
      { error: { _tag: 'Overloaded', limit: 0 }, processed: 'no', retryAfterMs: 0 },
    ],
    ['the settlement of an event', ack, { error: { _tag: 'Internal' }, processed: 'yes' }],
  ])('are answered with %s', async (_, settlement, expected) => {
    const { replica, connect } = harness()
    await replica('users', [get], () => settlement)
    expect(await request(await connect(), 'get')).toMatchObject(expected as object)
  })

  test('that one replica refuses go to another one, and nobody else waits for them', async () => {
    const { replica, connect } = harness()
    const refusing = await replica('users', [get], () => ({ _tag: 'Refuse', because: 'overloaded', limit: 9 }))
    const busy = await replica('users', [{ ...get, concurrency: 1, window: 1 }])
    const client = await connect()
    const answers = [1, 2, 3].map((i) => request(client, 'get', String(i)))
    await turn()
    expect([refusing.got.length, busy.got.length]).toEqual([2, 1])
    for (let i = 0; i < 3; i++) {
      busy.got[i]?.settle(reply(''))
      await turn()
    }
    expect((await Promise.all(answers)).map(({ _tag }) => _tag)).toEqual(['Reply', 'Reply', 'Reply'])
  })

  test('wait for a slot up to the bound; beyond it they are Overloaded and not processed', async () => {
    const { replica, connect } = harness({ maxQueued: 3 })
    const { got } = await replica('users', [{ ...get, concurrency: 2, window: 2 }])
    const client = await connect()
    const answers: Array<Answer> = []
    for (let i = 0; i < 2; i++) client.request(outgoing('get'), (answer) => answers.push(answer))
    await turn()
    for (let i = 0; i < 5; i++) client.request(outgoing('get'), (answer) => answers.push(answer))
    await turn()
    expect([got.length, answers.length]).toEqual([2, 2])
    expect(answers[0]).toEqual({
      _tag: 'Failing',
      error: { _tag: 'Overloaded', limit: 3 },
      processed: 'no',
      retryAfterMs: 100,
    })
    for (let i = 0; i < 5; i++) {
      got[i]?.settle(reply(''))
      await turn()
    }
    expect([got.length, answers.length]).toEqual([5, 7])
  })

  test('beyond 1 MiB, or beyond the bytes that are left, are refused as not processed', async () => {
    const { replica, connect } = harness({ maxQueuedBytes: 100 })
    const { got } = await replica('users', [get])
    const client = await connect()
    const error = { _tag: 'MessageTooLarge', limitBytes: 1_048_576 }
    expect(await request(client, 'get', new Uint8Array(1_048_577))).toMatchObject({ error, processed: 'no' })
    const first = request(client, 'get', new Uint8Array(60))
    const overloaded = { error: { _tag: 'Overloaded', limit: 100 }, processed: 'no', retryAfterMs: 100 }
    expect(await request(client, 'get', new Uint8Array(60))).toMatchObject(overloaded)
    got[0]?.settle(reply(''))
    expect(await first).toMatchObject({ _tag: 'Reply' })
    client.request(outgoing('get', new Uint8Array(60)), () => undefined)()
    const last = request(client, 'get', new Uint8Array(100))
    await turn()
    got.at(-1)?.settle(reply(''))
    expect(await last).toMatchObject({ _tag: 'Reply' })
  })

  test('that wait when the last replica leaves hear NoHandler', async () => {
    const { replica, connect } = harness()
    const { stop, got } = await replica('users', [{ ...get, concurrency: 1, window: 1 }])
    const client = await connect()
    const running = request(client, 'get')
    const waiting = request(client, 'get')
    await turn()
    await stop()
    expect(await waiting).toMatchObject({ error: { _tag: 'NoHandler', pattern: 'get' }, processed: 'no' })
    got[0]?.settle(reply('1'))
    expect(await running).toMatchObject({ _tag: 'Reply' })
  })
})

describe('cancelling a request', () => {
  test('aborts the signal of its handler, answers nothing, and drops the late reply', async () => {
    const { replica, connect } = harness()
    const { got } = await replica('users', [{ ...get, concurrency: 1, window: 1 }], ({ context }) => {
      const { signal } = context
      expect(signal.aborted).toBe(false)
      return undefined
    })
    const answers: Array<Answer> = []
    const cancel = (await connect()).request(outgoing('get'), (answer) => answers.push(answer))
    await turn()
    cancel()
    cancel()
    expect(got[0]?.context.signal.reason).toBe('cancelled')
    got[0]?.settle(reply('late'))
    await turn()
    expect(answers).toEqual([])
  })

  test('before it began forgets it; the slot of a cancelled one is free only when its handler is done', async () => {
    const { replica, connect } = harness()
    const { got, bodies } = await replica('users', [{ ...get, concurrency: 1, window: 1 }])
    const client = await connect()
    const cancels = ['1', '2', '3'].map((body) => client.request(outgoing('get', body), () => undefined))
    await turn()
    cancels[1]?.()
    cancels[0]?.()
    await turn()
    expect(bodies()).toEqual(['1'])
    got[0]?.settle(reply(''))
    await turn()
    expect(bodies()).toEqual(['1', '3'])
  })

  test('between reply and answer: nothing is answered any more', async () => {
    const { replica, connect } = harness()
    const { got } = await replica('users', [get])
    const answers: Array<Answer> = []
    const cancel = (await connect()).request(outgoing('get'), (answer) => answers.push(answer))
    await turn()
    got[0]?.settle(reply(''))
    cancel()
    await turn()
    expect(answers).toEqual([])
  })
})

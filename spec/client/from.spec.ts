/** Calls made on behalf of the message being handled: `from: context`. */
import * as O from 'fp-ts/lib/Option.js'
import * as t from 'io-ts'
import type { Context } from 'taskwire'
import { fixtureContext } from 'taskwire/testing'
import { describe, expect, test } from 'vitest'
import { abortContext, makeContext } from '../../lib/core/context.js'
import { connected, soFar } from './support/caller.js'

const parent = (fields: Partial<Omit<Context, 'signal'>> = {}): Context => {
  const { signal: _, ...base } = fixtureContext()
  return makeContext({ ...base, messageId: 'parent', correlationId: 'chain', ...fields })
}

describe('a call from a context', () => {
  test('goes on with its correlation id, and names its message as the cause', async () => {
    const { client, last } = await connected()
    void client.emit('e', 1, { from: parent() })()
    expect(last().message).toMatchObject({ correlationId: 'chain', causationId: 'parent' })
    void client.send('get', 1, t.string, { from: parent() })()
    expect(last().message).toMatchObject({ correlationId: 'chain', causationId: 'parent' })
  })

  test('takes over its trace headers and no others; its own headers win', async () => {
    const { client, last } = await connected()
    const headers = { traceparent: 'p', tracestate: 's', baggage: 'b', secret: 'x' }
    void client.emit('e', 1, { from: parent({ headers }), headers: { own: '1', baggage: 'mine' } })()
    expect(last().message.headers).toEqual({ traceparent: 'p', tracestate: 's', baggage: 'mine', own: '1' })
    void client.emit('e', 1, { from: parent({ headers }) })()
    expect(last().message.headers).toEqual({ traceparent: 'p', tracestate: 's', baggage: 'b' })
  })

  test.each([
    ['the sooner deadline counts: the parent’s, less 5 ms', 2_000, O.some(1_000), 995],
    ['the sooner deadline counts: its own', 500, O.some(1_000), 500],
    ['a parent without a deadline changes nothing', 700, O.none, 700],
    ['the default gives way to the parent’s', undefined, O.some(1_000), 995],
  ])('%s', async (_, timeout, deadline, expected) => {
    const { client, last, time } = await connected()
    await time.advance(0)
    void client.emit('e', 1, { from: parent({ deadline }), ...(timeout === undefined ? {} : { timeout }) })()
    expect(last().message.timeoutMs).toBe(expected)
  })

  test('whose deadline is 5 ms away or has passed fails without I/O', async () => {
    const { client, asked, time } = await connected()
    await time.advance(995)
    for (const deadline of [1_000, 995, 10])
      expect(await client.send('get', 1, t.string, { from: parent({ deadline: O.some(deadline) }) })()).toEqual({
        _tag: 'Left',
        left: { _tag: 'TimeoutError', afterMs: 0, waitingFor: 'connection' },
      })
    expect(asked).toHaveLength(0)
  })

  test('shrinks over three hops', async () => {
    const { client, last, time } = await connected()
    let deadline = 1_000
    for (const spent of [100, 200, 300]) {
      await time.advance(spent)
      void client.send('get', 1, t.string, { from: parent({ deadline: O.some(deadline) }) })()
      deadline = time.clock.now() + last().message.timeoutMs
    }
    expect(deadline).toBe(985)
  })

  test('is cancelled with it when it is a send, and never when it is an emit', async () => {
    const { client, last } = await connected()
    const context = parent()
    const sent = client.send('get', 1, t.string, { from: context })()
    const request = last()
    const emitted = client.emit('e', 1, { from: context })()
    abortContext(context, 'cancelled')
    expect(await sent).toEqual({ _tag: 'Left', left: { _tag: 'Cancelled' } })
    expect([request.cancelled, last().cancelled, await soFar(emitted)]).toEqual([true, false, 'pending'])
  })

  test('with a signal of its own is cancelled by either', async () => {
    const { client } = await connected()
    const [first, second] = [parent(), parent()]
    const own = new AbortController()
    const one = client.send('get', 1, t.string, { from: first, signal: own.signal })()
    const two = client.send('get', 1, t.string, { from: second, signal: own.signal })()
    abortContext(first, 'cancelled')
    expect([await one, await soFar(two)]).toEqual([{ _tag: 'Left', left: { _tag: 'Cancelled' } }, 'pending'])
    own.abort()
    expect(await two).toEqual({ _tag: 'Left', left: { _tag: 'Cancelled' } })
  })

  test('that was cancelled before sends nothing, and emits all the same', async () => {
    const { client, asked } = await connected()
    const context = parent()
    abortContext(context, 'timeout')
    expect(await client.send('get', 1, t.string, { from: context })()).toMatchObject({ left: { _tag: 'Cancelled' } })
    void client.emit('e', 1, { from: context })()
    expect(asked.map(({ kind }) => kind)).toEqual(['publish'])
  })

  test('an emit does not even make the signal of its context', async () => {
    const { client } = await connected()
    const context = parent()
    void client.emit('e', 1, { from: context })()
    expect(Object.getOwnPropertySymbols(context).map((key) => Reflect.get(context, key) as unknown)).toEqual([
      undefined,
    ])
  })
})

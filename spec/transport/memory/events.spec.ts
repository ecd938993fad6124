import * as O from 'fp-ts/lib/Option.js'
import { describe, expect, test } from 'vitest'
import { memory, memoryBus } from '../../../lib/transport/memory/index.js'
import { ack, harness, outgoing, publish, reply, subscription, text, turn } from './harness.js'

describe('who gets an event', () => {
  test('each service that subscribes gets each event, once for each of its endpoints', async () => {
    const { replica, connect } = harness()
    const users = await replica('users', [subscription('a')], () => ack)
    const mailer = await replica('mailer', [subscription('a'), subscription('a', { endpoint: 'a#2' })], () => ack)
    const client = await connect()
    for (let i = 0; i < 50; i++) await publish(client, 'a', String(i))
    await turn()
    const all = Array.from({ length: 50 }, (_, i) => String(i))
    expect(users.bodies()).toEqual(all)
    for (const index of [0, 1])
      expect(mailer.got.filter(({ subscription }) => subscription === index).map(({ body }) => text(body))).toEqual(all)
  })

  test('services without a name are groups of their own', async () => {
    const { replica, connect } = harness()
    const one = await replica('', [subscription('a')], () => ack)
    const two = await replica('', [subscription('a')], () => ack)
    await publish(await connect(), 'a', 'x')
    await turn()
    expect([one.bodies(), two.bodies()]).toEqual([['x'], ['x']])
  })

  test('four replicas share 2,000 messages: each handled exactly once, each replica gets a fair share', async () => {
    const { replica, connect } = harness()
    const replicas = await Promise.all(
      [1, 2, 3, 4].map(() =>
        replica('users', [subscription('a', { concurrency: 2, window: 2 })], ({ settle }) => {
          queueMicrotask(() => settle(ack))
          return undefined
        }),
      ),
    )
    const client = await connect()
    await Promise.all(Array.from({ length: 2_000 }, (_, i) => publish(client, 'a', String(i))))
    await turn()
    const handled = replicas.flatMap(({ bodies }) => bodies())
    expect(handled.length).toBe(2_000)
    expect(new Set(handled).size).toBe(2_000)
    for (const { got } of replicas) expect(Math.abs(got.length - 500)).toBeLessThanOrEqual(8)
  })

  test('wildcards: * is one segment, # any number of them, and an endpoint gets a message once', async () => {
    const { replica, connect } = harness()
    const patterns = ['a.*', 'a.#', '#', 'a.b', '*.b', '*']
    const one = await replica(
      'one',
      patterns.map((pattern) => subscription(pattern)),
      () => ack,
    )
    const again = await replica(
      'one',
      patterns.map((pattern) => subscription(pattern)),
      () => ack,
    )
    const client = await connect()
    for (const pattern of ['a', 'a.b', 'a.b.c', 'x']) await publish(client, pattern, pattern)
    await turn()
    const heard = (form: string): ReadonlyArray<string> =>
      [...one.got, ...again.got]
        .filter(({ body }) => text(body) === form)
        .map(({ subscription }) => patterns[subscription] ?? '')
        .sort()
    expect(heard('a')).toEqual(['#', '*', 'a.#'])
    expect(heard('a.b')).toEqual(['#', '*.b', 'a.#', 'a.*', 'a.b'])
    expect(heard('a.b.c')).toEqual(['#', 'a.#'])
    expect(heard('x')).toEqual(['#', '*'])
    expect(one.got.every(({ context }) => !/[*#]/.test(context.pattern))).toBe(true)
  })

  test('two transport values never meet by default; one bus joins them, whatever their tokens', async () => {
    const { environment } = harness()
    const bus = memoryBus()
    const heard: Array<string> = []
    for (const transport of [memory(), memory({ name: 'audit', bus })]) {
      const connected = await transport.connect(environment('users'))()
      if (connected._tag === 'Right')
        await connected.right.subscribe([subscription('a')], ({ context }, settle) => {
          heard.push(context.name)
          settle(ack)
        })()
    }
    for (const transport of [memory(), memory({ bus })]) {
      const connected = await transport.connect(environment(''))()
      if (connected._tag === 'Right') await publish(connected.right, 'a')
    }
    await turn()
    expect(heard).toEqual(['audit'])
  })
})

describe('what a delivery holds', () => {
  test('ids, headers, key and body as they were sent; no deadline; attempt 1', async () => {
    const { replica, connect } = harness()
    const { got } = await replica('users', [subscription('a')], () => ack)
    const client = await connect()
    const headers = { 'X-Case': 'kept', unicode: '√ 😀', empty: '' }
    await publish(client, 'a', '"√😀"', { messageId: 'm1', correlationId: 'c1', key: 'k', headers })
    await publish(client, 'a')
    await turn()
    const [first, second] = got
    expect(first?.context).toMatchObject({ transport: 'memory', name: 'memory', pattern: 'a', messageId: 'm1' })
    expect(first?.context).toMatchObject({ correlationId: 'c1', attempt: 1, deadline: O.none, headers })
    expect([text(first?.body ?? new Uint8Array()), first?.key, first?.firstFailedAt]).toEqual(['"√😀"', 'k', undefined])
    expect(second?.context.messageId).toMatch(/^[0-9a-f]{32}$/)
    expect(second?.context.correlationId).toBe(second?.context.messageId)
    expect(second?.body.length).toBe(0)
  })

  test('nothing is shared: neither with the sender, nor between endpoints, nor between attempts', async () => {
    const { replica, connect, time } = harness()
    const seen: Array<string> = []
    const { got } = await replica(
      'users',
      [subscription('a'), subscription('a', { endpoint: 'a#2' })],
      ({ body, context, subscription }) => {
        seen.push(text(body))
        body.fill(0)
        return subscription === 0 && context.attempt === 1
          ? { _tag: 'Retry', delayMs: 5, attempt: 2, reason: {} as never }
          : ack
      },
    )
    await replica('mailer', [subscription('a')], ({ body }) => {
      seen.push(text(body))
      return ack
    })
    for (const sent of [Buffer.from('bytes'), new TextEncoder().encode('bytes')]) {
      const headers: Record<string, string> = { a: '1' }
      const done = publish(await connect(), 'a', sent, { headers })
      sent.fill(0)
      headers['a'] = '2'
      await done
    }
    await time.advance(10)
    expect(seen).toEqual(Array.from({ length: 8 }, () => 'bytes'))
    expect(got.length).toBe(6)
    expect(got.every(({ context }) => context.headers['a'] === '1')).toBe(true)
    const last = got.at(-1)
    expect(last?.context.attempt).toBe(2)
  })

  test('deliveries and answers begin after publish has returned, and never inside one another', async () => {
    const { replica, connect } = harness()
    const order: Array<string> = []
    const client = await connect()
    let inside = false
    await replica('users', [subscription('a'), subscription('b')], ({ context, settle }) => {
      expect(inside).toBe(false)
      inside = true
      order.push(context.pattern)
      if (context.pattern === 'a') client.publish(outgoing('b'), () => order.push('answer b'))
      settle(ack)
      inside = false
      return undefined
    })
    client.publish(outgoing('a'), () => order.push('answer a'))
    order.push('returned')
    await turn()
    expect(order[0]).toBe('returned')
    expect([...order].sort()).toEqual(['a', 'answer a', 'answer b', 'b', 'returned'])
  })
})

describe('what is kept', () => {
  test('an event without subscribers is accepted and gone, unless it is mandatory', async () => {
    const { replica, connect } = harness()
    const client = await connect()
    expect(await publish(client, 'a', 'lost')).toEqual({ _tag: 'Accepted' })
    const error = { _tag: 'NoHandler', pattern: 'a' }
    expect(await publish(client, 'a', '', { mandatory: true })).toEqual({
      _tag: 'Failing',
      error,
      processed: 'no',
      retryAfterMs: undefined,
    })
    const one = await replica('users', [subscription('a')], () => ack)
    expect(await publish(client, 'a', 'kept', { mandatory: true })).toEqual({ _tag: 'Accepted' })
    await turn()
    expect(one.bodies()).toEqual(['kept'])
    await one.stop()
    expect(await publish(client, 'a', '', { mandatory: true })).toMatchObject({ error })
  })

  test('what is published while no endpoint of a group is subscribed is not kept for it', async () => {
    const { replica, connect } = harness()
    const client = await connect()
    const first = await replica('users', [subscription('a')], () => ack)
    const other = await replica('mailer', [subscription('a')], () => ack)
    await first.stop()
    await publish(client, 'a', 'missed')
    const second = await replica('users', [subscription('a')], () => ack)
    await publish(client, 'a', 'heard')
    await turn()
    expect([first.bodies(), second.bodies(), other.bodies()]).toEqual([[], ['heard'], ['missed', 'heard']])
  })

  test('a subscription is live when subscribe resolves: what is published right after is received, 200 times', async () => {
    const { replica, connect } = harness()
    const client = await connect()
    for (let i = 0; i < 200; i++) {
      const { bodies, connection } = await replica('', [subscription('a')], () => ack)
      await publish(client, 'a', String(i))
      await turn()
      expect(bodies()).toEqual([String(i)])
      await connection.close()
    }
  })

  test('a body beyond 1 MiB is refused, and one of exactly 1 MiB is taken', async () => {
    const { replica, connect } = harness()
    const { got } = await replica('users', [subscription('a')], () => ack)
    const client = await connect()
    expect(await publish(client, 'a', new Uint8Array(1_048_576))).toEqual({ _tag: 'Accepted' })
    const error = { _tag: 'MessageTooLarge', limitBytes: 1_048_576 }
    expect(await publish(client, 'a', new Uint8Array(1_048_577))).toMatchObject({ error, processed: 'no' })
    expect(await publish(client, 'a', 'é'.repeat(524_289))).toMatchObject({ error })
    await turn()
    expect(got.length).toBe(1)
  })
})

describe('order and concurrency', () => {
  test('one consumer with concurrency 1 gets 10,000 messages first in, first out', async () => {
    const { replica, connect } = harness({ maxQueued: 100 })
    const { bodies } = await replica('users', [subscription('a', { concurrency: 1, window: 1 })], ({ settle }) => {
      void Promise.resolve().then(() => settle(ack))
      return undefined
    })
    const client = await connect()
    await Promise.all(Array.from({ length: 10_000 }, (_, i) => publish(client, 'a', String(i))))
    await turn()
    expect(bodies()).toEqual(Array.from({ length: 10_000 }, (_, i) => String(i)))
  })

  test.each([1, 7, 64])('concurrency %i is reached and never passed, for each endpoint', async (concurrency) => {
    const { replica, connect } = harness()
    const { got } = await replica('users', [
      subscription('a', { concurrency, window: concurrency }),
      subscription('a', { endpoint: 'other', concurrency: 2, window: 2 }),
    ])
    const client = await connect()
    for (let i = 0; i < 200; i++) await publish(client, 'a')
    await turn()
    const first = got.filter(({ subscription }) => subscription === 0)
    expect([first.length, got.length]).toEqual([concurrency, concurrency + 2])
    first[0]?.settle(ack)
    expect(got.length).toBe(concurrency + 2)
    await turn()
    expect(got.length).toBe(concurrency + 3)
  })

  test('settling twice frees one slot and delivers nothing again', async () => {
    const { replica, connect } = harness()
    const { got } = await replica('users', [subscription('a', { concurrency: 1, window: 1 })])
    const client = await connect()
    for (let i = 0; i < 3; i++) await publish(client, 'a', String(i))
    await turn()
    got[0]?.settle(ack)
    got[0]?.settle({ _tag: 'Refuse', because: 'overloaded', limit: 1 })
    await turn()
    expect(got.length).toBe(2)
  })

  test('deliveries of one key run one after another over all replicas, other keys go on', async () => {
    const { replica, connect } = harness()
    const one = await replica('users', [subscription('a')])
    const two = await replica('users', [subscription('a')])
    const client = await connect()
    for (const body of ['k1', 'k2', 'k3', 'other', 'none', 'none'])
      await publish(client, 'a', body, { key: body.startsWith('k') ? 'k' : body === 'none' ? undefined : body })
    await turn()
    const got = () => [...one.got, ...two.got]
    const find = (body: string) => got().find((each) => text(each.body) === body)
    expect(
      got()
        .map(({ body }) => text(body))
        .sort(),
    ).toEqual(['k1', 'none', 'none', 'other'])
    find('k1')?.settle(ack)
    await turn()
    expect([find('k2') !== undefined, find('k3')]).toEqual([true, undefined])
    find('k2')?.settle(ack)
    await turn()
    expect(find('k3')).toBeDefined()
  })

  test('a Reply or a Fail on an event counts as done', async () => {
    const { replica, connect } = harness()
    const { got } = await replica('users', [subscription('a', { concurrency: 1, window: 1 })], ({ body }) =>
      text(body) === '1' ? reply('') : { _tag: 'Fail', failure: { _tag: 'Cancelled' } },
    )
    const client = await connect()
    for (const body of ['1', '2', '3']) await publish(client, 'a', body)
    await turn()
    expect(got.length).toBe(3)
  })
})

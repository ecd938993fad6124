import { describe, expect, test } from 'vitest'
import { ack, dead, harness, publish, retry, subscription, text, turn } from './harness.js'

describe('delayed retries', () => {
  test('come back in exactly the delay, as the attempt that was asked for, with the time of the first failure', async () => {
    const { replica, connect, time } = harness()
    const { got } = await replica('users', [subscription('a')], ({ context: { attempt } }) =>
      attempt < 4 ? retry(100 * 2 ** attempt, attempt + 1) : ack,
    )
    await publish(await connect(), 'a', 'x', { messageId: 'm', headers: { h: 'v' } })
    await time.advance(10_000)
    expect(got.map(({ at, context }) => [at, context.attempt])).toEqual([
      [0, 1],
      [200, 2],
      [600, 3],
      [1400, 4],
    ])
    expect(got.map(({ firstFailedAt }) => firstFailedAt)).toEqual([undefined, 77, 77, 77])
    expect(
      new Set(got.map(({ body, context: c }) => `${text(body)} ${c.messageId} ${c.headers['h'] ?? ''}`)).size,
    ).toBe(1)
    expect(time.pending()).toBe(0)
  })

  test('hold no slot: with concurrency 1, 100 others finish while one waits for 10 s', async () => {
    const { replica, connect, time } = harness()
    const { got } = await replica('users', [subscription('a', { concurrency: 1, window: 1 })], ({ body, context }) =>
      text(body) === 'slow' && context.attempt === 1 ? retry(10_000, 2) : ack,
    )
    const client = await connect()
    await publish(client, 'a', 'slow')
    for (let i = 0; i < 100; i++) await publish(client, 'a', 'fast')
    await time.advance(1_000)
    expect(got.length).toBe(101)
    await time.advance(9_000)
    expect(got.map(({ body }) => text(body)).lastIndexOf('slow')).toBe(101)
  })

  test('concern their own endpoint alone', async () => {
    const { replica, connect, time } = harness()
    const { got } = await replica(
      'users',
      [subscription('a'), subscription('a', { endpoint: 'a#2' })],
      ({ subscription, context }) => (subscription === 1 && context.attempt === 1 ? retry(50, 2) : ack),
    )
    const other = await replica('mailer', [subscription('a')], () => ack)
    await publish(await connect(), 'a')
    await time.advance(100)
    expect(got.map(({ subscription, context }) => [subscription, context.attempt])).toEqual([
      [0, 1],
      [1, 1],
      [1, 2],
    ])
    expect(other.got.length).toBe(1)
  })

  test('go to another replica, after the rest of their time, when the one that failed is gone', async () => {
    const { replica, connect, time } = harness()
    const first = await replica('users', [subscription('a')], () => retry(1_000, 2))
    await publish(await connect(), 'a')
    await time.advance(400)
    const second = await replica('users', [subscription('a')], () => ack)
    await first.connection.close()
    await time.advance(599)
    expect([first.got.length, second.got.length]).toEqual([1, 0])
    await time.advance(1)
    expect(second.got.map(({ at, context }) => [at, context.attempt])).toEqual([[1_000, 2]])
  })

  test('wait for the next replica when none is left, and a wall clock put back does not lengthen them', async () => {
    const { replica, connect, time } = harness()
    const client = await connect()
    const start = async (): Promise<void> => {
      const first = await replica('users', [subscription('a')], () => retry(1_000, 2))
      await publish(client, 'a')
      await time.advance(0)
      await first.connection.close()
      expect(time.pending()).toBe(0)
    }
    await start()
    await time.advance(400)
    const second = await replica('users', [subscription('a')], () => ack)
    await time.advance(600)
    expect(second.got.map(({ at }) => at)).toEqual([1_000])
    await second.connection.close()

    await start()
    time.shiftUnix(-3_600_000)
    const third = await replica('users', [subscription('a')], () => ack)
    await time.advance(1_000)
    expect(third.got.map(({ at }) => at)).toEqual([2_000])
  })

  test('park what has the same key behind them, in order, and nothing else', async () => {
    const { replica, connect, time } = harness()
    const { bodies, got } = await replica('users', [subscription('a')], ({ body, context }) =>
      text(body) === 'k1' && context.attempt === 1 ? retry(500, 2) : ack,
    )
    const client = await connect()
    for (const body of ['k1', 'k2', 'x1', 'k3', 'x2']) await publish(client, 'a', body, { key: body.slice(0, 1) })
    await time.advance(499)
    expect(bodies()).toEqual(['k1', 'x1', 'x2'])
    await time.advance(1)
    expect(bodies()).toEqual(['k1', 'x1', 'x2', 'k1', 'k2', 'k3'])
    await publish(client, 'a', 'k4', { key: 'k' })
    await turn()
    expect(got.length).toBe(7)
  })
})

describe('what is refused', () => {
  test('goes to another replica at once when the first one drains, as the same attempt', async () => {
    const { replica, connect } = harness()
    const draining = await replica('users', [subscription('a')], () => ({
      _tag: 'Refuse',
      because: 'draining',
      limit: 0,
    }))
    const other = await replica('users', [subscription('a')], () => ack)
    const client = await connect()
    for (let i = 0; i < 10; i++) await publish(client, 'a', String(i))
    await turn()
    expect([draining.got.length, other.got.length]).toEqual([1, 10])
    expect(other.got.every(({ context }) => context.attempt === 1)).toBe(true)
  })

  test('waits for a later run when there is no other replica', async () => {
    const { replica, connect } = harness()
    const draining = await replica('users', [subscription('a')], () => ({
      _tag: 'Refuse',
      because: 'draining',
      limit: 0,
    }))
    await publish(await connect(), 'a', 'x')
    await turn()
    await draining.connection.close()
    const next = await replica('users', [subscription('a')], () => ack)
    await turn()
    expect([draining.got.length, next.bodies()]).toEqual([1, ['x']])
  })

  test('keeps its place among what came in, in whatever order it is given back', async () => {
    const { replica, connect } = harness()
    const first = await replica('users', [subscription('a', { concurrency: 4, window: 4 })])
    const client = await connect()
    for (let i = 0; i < 6; i++) await publish(client, 'a', String(i))
    await turn()
    await first.stop()
    for (const i of [1, 3, 0, 2]) first.got[i]?.settle({ _tag: 'Refuse', because: 'draining', limit: 0 })
    const next = await replica('users', [subscription('a')], () => ack)
    await turn()
    expect(next.bodies()).toEqual(['0', '1', '2', '3', '4', '5'])
  })

  test('an overloaded replica is left alone for a while', async () => {
    const { replica, connect, time } = harness()
    const { got } = await replica('users', [subscription('a')], ({ at }) =>
      at < 300 ? { _tag: 'Refuse', because: 'overloaded', limit: 1 } : ack,
    )
    await publish(await connect(), 'a')
    await time.advance(10_000)
    expect(got.map(({ at }) => at)).toEqual([0, 100, 200, 300])
  })
})

describe('dead letters', () => {
  test('keep bytes, headers, key and ids as they came, and say where and why', async () => {
    const { bus, replica, connect, time } = harness()
    const body = Uint8Array.from({ length: 256 }, (_, i) => i)
    const headers = { 'X-Case': 'kept', unicode: '√' }
    const settlement = dead({ message: 'no such user', attempts: 1 })
    await replica('users', [subscription('a.#', { endpoint: 'save' })], ({ body: mine }) => {
      mine.fill(7)
      return settlement
    })
    await publish(await connect(), 'a.b', body, {
      messageId: 'm',
      correlationId: 'c',
      causationId: 'p',
      key: 'k',
      headers,
    })
    await time.advance(5)
    const [letter, ...rest] = bus.deadLetters()
    expect(rest).toEqual([])
    expect(letter).toMatchObject({ pattern: 'a.b', messageId: 'm', correlationId: 'c', key: 'k' })
    expect(letter).toMatchObject({ headers, service: 'users', endpoint: 'save', instance: 'instance-1', replays: 0 })
    expect(letter).toMatchObject({ source: '', time: 1_704_067_200_000 })
    expect(letter?.body).toEqual(body)
    expect(letter?.reason).toEqual(settlement._tag === 'DeadLetter' ? settlement.reason : undefined)
  })

  test('free their slot and their key', async () => {
    const { bus, replica, connect } = harness()
    const { got } = await replica('users', [subscription('a', { concurrency: 1, window: 1 })], () => dead())
    const client = await connect()
    for (let i = 0; i < 3; i++) await publish(client, 'a', '', { key: 'k' })
    await turn()
    expect([got.length, bus.deadLetters().length]).toEqual([3, 3])
  })

  test('of a full list stay unacknowledged: slots stay taken, nothing is lost, and they go on when there is room', async () => {
    const { bus, replica, connect, time, log, sweep } = harness({ maxDeadLetters: 2 })
    const { got } = await replica('users', [subscription('a', { concurrency: 2, window: 2 })], () => dead())
    const client = await connect()
    for (let i = 0; i < 10; i++) await publish(client, 'a', String(i))
    await time.advance(60_000)
    expect([got.length, bus.deadLetters().length]).toEqual([4, 2])
    expect(log.length).toBe(2)
    expect(log[0]).toContain('dead letter')
    const first = await sweep('users', ({ body }) => (body !== undefined && text(body) === '0' ? 'drop' : 'keep'))
    expect(first).toEqual({ redriven: 0, dropped: 1 })
    await time.advance(10_000)
    expect(bus.deadLetters().map(({ body }) => text(body))).toContain('2')
    expect(got.length).toBe(5)
    for (let i = 0; i < 10; i++) {
      await sweep('users', () => 'drop')
      await time.advance(10_000)
    }
    expect(got.map(({ body }) => text(body))).toEqual(Array.from({ length: 10 }, (_, i) => String(i)))
    expect(new Set(got.map(({ context }) => context.attempt))).toEqual(new Set([1]))
  })

  test('are bounded in bytes, and one of any size fits an empty list', async () => {
    const { bus, replica, connect, time, sweep } = harness({ maxDeadLetterBytes: 1_000 })
    await replica('users', [subscription('a')], () => dead())
    const client = await connect()
    await publish(client, 'a', new Uint8Array(2_000))
    await publish(client, 'a', new Uint8Array(1))
    await time.advance(1_000)
    expect(bus.deadLetters().length).toBe(1)
    await sweep('users', () => 'drop')
    await time.advance(10_000)
    expect(bus.deadLetters().map(({ body }) => body.length)).toEqual([1])
  })

  test('that cannot be written go to another replica when theirs closes', async () => {
    const { replica, connect, time } = harness({ maxDeadLetters: 0 })
    const first = await replica('users', [subscription('a')], () => dead())
    await publish(await connect(), 'a', 'x')
    await time.advance(1_000)
    const second = await replica('users', [subscription('a')], () => ack)
    await first.connection.close()
    await turn()
    expect([second.bodies(), time.pending()]).toEqual([['x'], 0])
  })
})

describe('redrive', () => {
  test('puts each letter back to its own endpoint with its id, as attempt 1; a second redrive finds nothing', async () => {
    const { bus, replica, connect, sweep } = harness()
    let broken = true
    const { got } = await replica(
      'users',
      [subscription('a'), subscription('a', { endpoint: 'a#2' })],
      ({ subscription }) => (broken && subscription === 1 ? dead() : ack),
    )
    const other = await replica('mailer', [subscription('a')], () => ack)
    const client = await connect()
    for (const messageId of ['m1', 'm2']) await publish(client, 'a', messageId, { messageId, key: 'k' })
    await turn()
    broken = false
    const both = await Promise.all([sweep('users'), sweep('users')])
    expect(both.map(({ redriven }) => redriven)).toEqual([2, 0])
    await turn()
    expect(bus.deadLetters()).toEqual([])
    const again = got.slice(4)
    expect(
      again.map(({ subscription, context, body, key }) => [subscription, context.messageId, text(body), key]),
    ).toEqual([
      [1, 'm1', 'm1', 'k'],
      [1, 'm2', 'm2', 'k'],
    ])
    expect(again.every(({ context, firstFailedAt }) => context.attempt === 1 && firstFailedAt === undefined)).toBe(true)
    expect(other.got.length).toBe(2)
  })

  test('counts the replays, takes what is chosen, and waits for a replica where there is none', async () => {
    const { bus, replica, connect, sweep } = harness()
    const first = await replica('users', [subscription('a')], () => dead())
    const client = await connect()
    for (const body of ['x', 'y']) await publish(client, 'a', body)
    await turn()
    const y = await sweep('users', ({ body }) => (body !== undefined && text(body) === 'y' ? 'redrive' : 'keep'))
    expect(y).toEqual({ redriven: 1, dropped: 0 })
    await turn()
    expect(bus.deadLetters().map(({ body, replays }) => [text(body), replays])).toEqual([
      ['x', 0],
      ['y', 1],
    ])
    await first.connection.close()
    expect(await sweep('users')).toEqual({ redriven: 2, dropped: 0 })
    const second = await replica('users', [subscription('a')], () => dead())
    await turn()
    expect(second.bodies()).toEqual(['x', 'y'])
    expect(bus.deadLetters().map(({ replays }) => replays)).toEqual([1, 2])
  })

  test('leaves what belongs to a service without a name that is gone', async () => {
    const { bus, replica, connect, sweep } = harness()
    const gone = await replica('', [subscription('a')], () => dead())
    await publish(await connect(), 'a')
    await turn()
    await gone.connection.close()
    expect([await sweep(''), bus.deadLetters().length]).toEqual([{ redriven: 0, dropped: 0 }, 1])
    expect([await sweep('', () => 'drop'), bus.deadLetters().length]).toEqual([{ redriven: 0, dropped: 1 }, 0])
  })
})

import * as O from 'fp-ts/lib/Option.js'
import { lastValueFrom, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { memory } from '../../../lib/transport/memory/index.js'
import type { Answer, Status } from '../../../lib/transport/transport.js'
import { ack, dead, harness, outgoing, publish, reply, request, retry, subscription, text, turn } from './harness.js'

const get = subscription('get', { kind: 'message' })

describe('the transport', () => {
  test('says what it can do', () => {
    const transport = memory({ name: 'bus' })
    expect(transport).toMatchObject({ _tag: 'Transport', name: 'bus', kind: 'memory', needsName: false })
    expect(memory().name).toBe('memory')
    expect(transport.maxMessageBytes).toBe(1_048_576)
    const absent = Object.entries(transport.capabilities).flatMap(([flag, has]) => (has ? [] : [flag]))
    expect(absent).toEqual(['durable', 'streams', 'batches'])
  })

  test('shows its bus, on which another value may meet it', () => {
    const one = memory()
    expect(memory({ bus: one.bus, name: 'other' }).bus).toBe(one.bus)
    expect(memory().bus).not.toBe(one.bus)
    expect(one.bus.deadLetters()).toEqual([])
  })

  test('each run of connect opens a connection of its own, ready at once and without an address', async () => {
    const { connect } = harness()
    const [one, two] = [await connect('users'), await connect('users')]
    expect(one).not.toBe(two)
    expect(one.address()).toBe(O.none)
    expect((await one.warm())._tag).toBe('Right')
    await one.close()
    expect(await publish(two, 'a')).toEqual({ _tag: 'Accepted' })
  })
})

describe('stopping the intake', () => {
  test('nothing begins after it has resolved; what runs is still settled, and the queue waits for the next replica', async () => {
    const { replica, connect, bus } = harness()
    const { stop, got } = await replica('users', [subscription('a', { concurrency: 2, window: 2 })])
    const client = await connect()
    for (let i = 0; i < 6; i++) await publish(client, 'a', String(i))
    await turn()
    await stop()
    await stop()
    got[0]?.settle(ack)
    got[1]?.settle(dead())
    await turn()
    expect([got.length, bus.deadLetters().length]).toEqual([2, 1])
    const next = await replica('users', [subscription('a')], () => ack)
    await turn()
    expect(next.bodies()).toEqual(['2', '3', '4', '5'])
  })

  test('called while a delivery is on its way: nothing begins', async () => {
    const { replica, connect } = harness()
    const { stop, got } = await replica('users', [subscription('a'), get])
    const client = await connect()
    client.publish(outgoing('a'), () => undefined)
    client.request(outgoing('get'), () => undefined)
    await stop()
    await turn()
    expect(got).toEqual([])
  })

  test('retries of a replica whose intake has stopped go to another one in time', async () => {
    const { replica, connect, time } = harness()
    const first = await replica('users', [subscription('a')])
    await publish(await connect(), 'a')
    await turn()
    await first.stop()
    const second = await replica('users', [subscription('a')], () => ack)
    first.got[0]?.settle(retry(300, 2))
    await time.advance(1_000)
    expect(second.got.map(({ at, context }) => [at, context.attempt])).toEqual([[300, 2]])
  })

  test('stops one subscribe and leaves another of the same connection', async () => {
    const { replica, connect } = harness()
    const { stop, got, connection } = await replica('users', [subscription('a')], () => ack)
    const heard: Array<string> = []
    await connection.subscribe([subscription('b')], ({ context }, settle) => {
      heard.push(context.pattern)
      settle(ack)
    })()
    await stop()
    const client = await connect()
    for (const pattern of ['a', 'b']) await publish(client, pattern)
    await turn()
    expect([got.length, heard]).toEqual([0, ['b']])
  })
})

describe('closing', () => {
  test('unsettled deliveries go to another replica, before all others and in order, as the next attempt', async () => {
    const { replica, connect } = harness()
    const first = await replica('users', [subscription('a', { concurrency: 3, window: 3 })])
    const client = await connect()
    for (let i = 0; i < 6; i++) await publish(client, 'a', String(i))
    await turn()
    first.got[1]?.settle(ack)
    await first.connection.close()
    const second = await replica('users', [subscription('a', { concurrency: 1, window: 1 })], () => ack)
    await turn()
    expect(second.got.map(({ body, context }) => [text(body), context.attempt])).toEqual([
      ['0', 2],
      ['2', 2],
      ['3', 1],
      ['4', 1],
      ['5', 1],
    ])
    expect(first.got[0]?.context.signal.reason).toBe('disconnected')
    expect(first.got[1]?.context.signal.aborted).toBe(false)
  })

  test('a settlement after it is harmless: nothing is acknowledged, retried, set aside or answered twice', async () => {
    const { replica, connect, bus, time } = harness()
    const first = await replica('users', [subscription('a'), get])
    const client = await connect()
    for (let i = 0; i < 3; i++) await publish(client, 'a', String(i))
    const answer = request(client, 'get')
    await turn()
    await first.connection.close()
    first.got.forEach(({ settle, subscription }, i) => {
      settle(subscription === 1 ? reply('late') : ([ack, retry(10, 2), dead()][i] ?? ack))
    })
    const second = await replica('users', [subscription('a')], () => ack)
    await time.advance(1_000)
    expect(second.bodies()).toEqual(['0', '1', '2'])
    expect([bus.deadLetters().length, time.pending()]).toEqual([0, 0])
    expect(await answer).toEqual({
      _tag: 'Failing',
      error: { _tag: 'Disconnected', maybeProcessed: true },
      processed: 'maybe',
      retryAfterMs: 0,
    })
  })

  test('of the caller fails what is pending as Closed and says whether it may have been processed', async () => {
    const { replica, connect } = harness({ maxQueued: 1 })
    const { got } = await replica('users', [
      { ...get, concurrency: 1, window: 1 },
      subscription('a', { concurrency: 1, window: 1 }),
    ])
    const client = await connect()
    const running = request(client, 'get')
    await turn()
    const waiting = request(client, 'get')
    const published = [publish(client, 'a'), publish(client, 'a')]
    await turn()
    const blocked = publish(client, 'a')
    const order: Array<string> = []
    void running.then(() => order.push('answer'))
    await client.close().then(() => turn())
    expect(order).toEqual(['answer'])
    const error = { _tag: 'Closed' }
    expect(await running).toEqual({ _tag: 'Failing', error, processed: 'maybe', retryAfterMs: undefined })
    expect(await waiting).toEqual({ _tag: 'Failing', error, processed: 'no', retryAfterMs: undefined })
    expect(await blocked).toMatchObject({ error, processed: 'no' })
    expect((await Promise.all(published)).map(({ _tag }) => _tag)).toEqual(['Accepted', 'Accepted'])
    expect(got[0]?.context.signal.reason).toBe('disconnected')
    got[0]?.settle(reply('late'))
    await turn()
  })

  test('a request to itself is Closed too', async () => {
    const { replica } = harness()
    const { connection } = await replica('users', [get])
    const answer = request(connection, 'get')
    await turn()
    await connection.close()
    expect(await answer).toMatchObject({ error: { _tag: 'Closed' }, processed: 'maybe' })
  })

  test('answers have been given when it resolves', async () => {
    const { replica, connect } = harness()
    await replica('users', [get])
    const client = await connect()
    const answers: Array<Answer> = []
    client.request(outgoing('get'), (answer) => answers.push(answer))
    await client.close()
    expect(answers.length).toBe(1)
  })

  test('twice, ten times at once, and calls and subscriptions after it: typed failures, nothing else', async () => {
    const { connect } = harness()
    const client = await connect('users')
    await Promise.all(Array.from({ length: 10 }, () => client.close()))
    await client.close()
    expect(await publish(client, 'a')).toMatchObject({ error: { _tag: 'Closed' }, processed: 'no' })
    expect(await request(client, 'a')).toMatchObject({ error: { _tag: 'Closed' }, processed: 'no' })
    expect(await client.subscribe([subscription('a')], () => undefined)()).toMatchObject({
      left: { _tag: 'TransportFailed', name: 'memory' },
    })
  })

  test('status is ready, then closed, then complete; late subscribers hear the latest first', async () => {
    const { connect } = harness()
    const client = await connect()
    const seen: Array<Status> = []
    client.status$.subscribe((status) => seen.push(status))
    expect(seen).toEqual(['ready'])
    await client.close()
    expect(seen).toEqual(['ready', 'closed'])
    expect(await lastValueFrom(client.status$.pipe(toArray()))).toEqual(['closed'])
  })

  test('leaves no timer behind: retries, rests and dead-letter writes', async () => {
    const { replica, connect, time } = harness({ maxDeadLetters: 0 })
    const settlements = [retry(5_000, 2), dead(), { _tag: 'Refuse', because: 'overloaded', limit: 1 } as const]
    const { connection } = await replica('users', [subscription('a')], ({ body }) => settlements[Number(text(body))])
    const client = await connect()
    for (let i = 0; i < 3; i++) await publish(client, 'a', String(i))
    await turn()
    expect(time.pending()).toBe(3)
    await connection.close()
    expect(time.pending()).toBe(0)
  })

  test('of a service without a name drops its queue, and gives back its bytes and whoever waits', async () => {
    const { replica, connect, time } = harness({ maxQueued: 6, maxQueuedBytes: 300 })
    // One in delayed retry, one behind its key, one that runs, one that waits for its slot, and some at the door.
    const { connection } = await replica('', [subscription('a', { concurrency: 1, window: 1 })], ({ body }) =>
      body[0] === 1 ? retry(1_000, 2) : undefined,
    )
    const client = await connect()
    const send = (kind: number, key?: string): Promise<Answer> =>
      publish(client, 'a', new Uint8Array(50).fill(kind), { key })
    const answers = Promise.all([send(1, 'k'), send(2, 'k'), ...[3, 4, 5, 6, 7, 8].map((kind) => send(kind))])
    await turn()
    await connection.close()
    expect((await answers).map(({ _tag }) => _tag)).toEqual(Array.from({ length: 8 }, () => 'Accepted'))
    expect(time.pending()).toBe(0)
    const other = await replica('', [subscription('a')], () => ack)
    expect(await publish(client, 'a', new Uint8Array(300))).toEqual({ _tag: 'Accepted' })
    await turn()
    expect(other.got.length).toBe(1)
  })

  test('scaling from 1 to 4 to 2 replicas under load loses nothing; duplicates are at most what was in flight', async () => {
    const { replica, connect, time } = harness()
    const handled: Array<string> = []
    let duplicatesAllowed = 0
    const start = () =>
      replica('users', [subscription('a', { concurrency: 4, window: 4 })], ({ settle, body }) => {
        time.clock.after(3, () => {
          handled.push(text(body))
          settle(ack)
        })
        return undefined
      })
    const replicas = [await start()]
    const client = await connect()
    for (let i = 0; i < 1_000; i++) {
      await publish(client, 'a', String(i))
      if (i === 250) replicas.push(await start(), await start(), await start())
      if (i === 600)
        for (const gone of replicas.splice(0, 2)) {
          duplicatesAllowed += 4
          await gone.connection.close()
        }
      if (i % 50 === 0) await time.advance(2)
    }
    await time.runAll()
    expect(new Set(handled).size).toBe(1_000)
    expect(handled.length).toBeLessThanOrEqual(1_000 + duplicatesAllowed)
  })
})

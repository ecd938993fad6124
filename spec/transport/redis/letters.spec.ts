/** Dead letters in Redis: what lies there before and after, and what becomes of them when something breaks. */
import * as E from 'fp-ts/lib/Either.js'
import type { DeadLetter, LetterVerdict, Swept } from 'taskwire'
import { describe, expect, onTestFinished, test } from 'vitest'
import { faultProxy } from '../../brokers/proxy.js'
import { freePort } from '../../brokers/port.js'
import { withBroker } from '../../brokers/suite.js'
import type { LetterStore } from '../../../lib/transport/transport.js'
import {
  connected,
  fieldsOf,
  on,
  outgoing,
  place,
  published,
  reason,
  replica,
  right,
  until,
  type Place,
  type RedisConnection,
} from './support.js'

const settlement = { _tag: 'DeadLetter', reason: reason() } as const

/** The one place for the dead letters of `g` on the pattern `e`. */
const storeOf = (connection: RedisConnection): LetterStore => {
  const stores = connection.letters?.([{ endpoint: 'e', pattern: 'e' }]) ?? []
  expect(stores).toHaveLength(1)
  return stores[0]!
}

const read = async (store: LetterStore): Promise<ReadonlyArray<DeadLetter>> => {
  const all: Array<DeadLetter> = []
  right(await store.read((letter) => all.push(letter) > 0)())
  return all
}

const keysOf = ({ prefix }: Place) => ({ dead: `{${prefix}e}:g:dlq`, retry: `{${prefix}e}:g:retry` })

/** So many dead letters whose bodies are numbers, as another program might have put them there. */
const fill = async ({ plain, ...own }: Place, count: number, size = 0): Promise<void> => {
  const { dead } = keysOf({ plain, ...own })
  const filling = ' '.repeat(size)
  for (let from = 0; from < count; from += 500) {
    const pipeline = plain.pipeline()
    for (let i = from; i < Math.min(count, from + 500); i++)
      pipeline.xadd(dead, '*', 'body', `${i}${filling}`, 'taskwire-dead-endpoint', 'e', 'ce_id', `id-${i}`)
    await pipeline.exec()
  }
}

const bodiesIn = async ({ plain }: Place, key: string): Promise<ReadonlyArray<number>> =>
  (await plain.xrange(key, '-', '+')).map(([, fields]) => Number(fields[1]))

const proxied = async (url: string) => {
  const proxy = await faultProxy({ port: Number(new URL(url).port) })
  onTestFinished(() => proxy.close())
  return { proxy, at: `redis://${proxy.host}:${proxy.port}` }
}

const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

await withBroker('redis', (url) => {
  describe('a redrive', () => {
    test('writes every byte of the event to the retries, who it is for, and nothing of its death', async () => {
      const own = place(url)
      const { dead, retry } = keysOf(own)
      const all = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i))
      const { connection, got, stop } = await replica(own.options, [on('event', 'e')], { group: 'g' })
      const headers = { 'X-Own': 'ü', body: 'a header', ce_id: 'forged' }
      const more = { messageId: 'm-1', correlationId: 'c-1', causationId: 'c-0', key: 'k', headers }
      await published(connection, { ...outgoing('e', '', more), body: all })
      await until('it arrives', () => got.length === 1)
      const [before] = await own.plain.xrangeBuffer(`${own.prefix}e`, '-', '+')
      got[0]!.settle({ _tag: 'Retry', attempt: 4, delayMs: 1, reason: reason() })
      await until('it comes again', () => got.length === 2)
      got[1]!.settle(settlement)
      await until('it is set aside', async () => (await own.plain.xlen(dead)) === 1)
      await stop()
      expect(right(await storeOf(connection).sweep(() => 'redrive')())).toEqual({ redriven: 1, dropped: 0 })
      expect(await own.plain.xlen(dead)).toBe(0)
      const [after] = await own.plain.xrangeBuffer(retry, '-', '+')
      const added = [
        ...['taskwire-endpoint', 'e'],
        ...['taskwire-origin', `${own.prefix}e/${String(before![0])}`],
        ...['taskwire-replays', '1'],
      ].map((text) => Buffer.from(text))
      const [body, bytes, ...rest] = before![1]
      expect(after![1]).toEqual([body, bytes, ...added, ...rest])
    })

    test('counts replays, also of what is retried in between', async () => {
      const own = place(url)
      const { dead } = keysOf(own)
      const { connection, got } = await replica(own.options, [on('event', 'e')], { group: 'g' })
      await published(connection, outgoing('e', '1', { messageId: 'm' }))
      for (const replays of range(3)) {
        await until('it arrives', () => got.length === 2 * replays + 1)
        got.at(-1)!.settle({ _tag: 'Retry', attempt: 2, delayMs: 1, reason: reason() })
        await until('it comes again', () => got.length === 2 * replays + 2)
        expect(got.at(-1)).toMatchObject({ context: { attempt: 2, messageId: 'm' } })
        got.at(-1)!.settle(settlement)
        await until('it is set aside', async () => (await own.plain.xlen(dead)) === 1)
        expect(await read(storeOf(connection))).toMatchObject([{ messageId: 'm', replays }])
        right(await storeOf(connection).sweep(() => 'redrive')())
      }
      await until('it arrives', () => got.length === 7)
      expect(got.at(-1)).toMatchObject({ context: { attempt: 1 }, firstFailedAt: undefined })
    })

    test('is done by one of those who do it at once', async () => {
      const own = place(url)
      const { dead, retry } = keysOf(own)
      await fill(own, 200)
      const stores = await Promise.all(range(3).map(async () => storeOf(await connected(own.options, { group: 'g' }))))
      const swept = await Promise.all(stores.map((store) => store.sweep(() => 'redrive')()))
      expect(swept.map(right).reduce((sum, { redriven }) => sum + redriven, 0)).toBe(200)
      expect(await own.plain.xlen(dead)).toBe(0)
      expect(await bodiesIn(own, retry)).toEqual(range(200))
    })

    test('leaves what it cannot write where it is', async () => {
      const own = place(url)
      const { dead, retry } = keysOf(own)
      await fill(own, 3)
      await own.plain.set(retry, 'no stream')
      const store = storeOf(await connected(own.options, { group: 'g' }))
      expect(await store.sweep(() => 'redrive')()).toMatchObject({ left: { _tag: 'TopologyMismatch' } })
      expect(await own.plain.xlen(dead)).toBe(3)
      await own.plain.del(retry)
      expect(right(await store.sweep(() => 'redrive')())).toEqual({ redriven: 3, dropped: 0 })
    })
  })

  describe('a sweep', () => {
    test('reads a page at a time', async () => {
      const own = place(url)
      await fill(own, 400, 10_000)
      const { proxy, at } = await proxied(url)
      const store = storeOf(await connected({ ...own.options, url: at }, { group: 'g' }))
      let looked = 0
      right(await store.read(() => ++looked < 3)())
      expect(looked).toBe(3)
      expect(proxy.stats().down).toBeLessThan(40 * 10_000)
      right(await store.read(() => ++looked > 0)())
      expect(looked).toBe(403)
      expect(proxy.stats().down).toBeGreaterThan(400 * 10_000)
    })

    test('ends where the end was when it began', async () => {
      const own = place(url)
      const { dead } = keysOf(own)
      await fill(own, 100)
      const store = storeOf(await connected(own.options, { group: 'g' }))
      let looked = 0
      const late: Array<Promise<unknown>> = []
      const verdict = (): LetterVerdict => {
        looked += 1
        late.push(own.plain.xadd(dead, '*', 'body', 'late', 'a', 'b'))
        return looked % 2 === 0 ? 'drop' : 'keep'
      }
      expect(right(await store.sweep(verdict)())).toEqual({ redriven: 0, dropped: 50 })
      expect(looked).toBe(100)
      await Promise.all(late)
      expect(await own.plain.xlen(dead)).toBe(150)
    })

    test('ends when it is told to, and keeps what comes after', async () => {
      const own = place(url)
      const { dead } = keysOf(own)
      await fill(own, 100)
      const store = storeOf(await connected(own.options, { group: 'g' }))
      let looked = 0
      const verdict = (): LetterVerdict => (++looked > 40 ? 'stop' : 'drop')
      expect(right(await store.sweep(verdict)())).toEqual({ redriven: 0, dropped: 40 })
      expect([looked, await own.plain.xlen(dead)]).toEqual([41, 60])
      looked = 0
      right(await store.read(() => ++looked < 5)())
      expect(looked).toBe(5)
    })

    test('passes over what others have put there, in whatever form, and leaves it as it is', async () => {
      const own = place(url)
      const { dead, retry } = keysOf(own)
      const bad = Buffer.from([0xff, 0xfe, 0])
      await own.plain.xadd(dead, '*', 'x', '{"n":1}')
      await own.plain.xadd(dead, '*', 'a', '1', 'b', '2')
      await own.plain.xadd(dead, '*', bad, bad, 'body', bad)
      await own.plain.xadd(dead, '*', 'body', '1', ...range(6_000).flatMap((i) => [`f${i}`, 'v']))
      await own.plain.xadd(dead, '*', 'body', '1', '__proto__', 'p', 'large', 'x'.repeat(100_000))
      const lying = { attempts: '-1', 'first-failed-at': 'never', reason: 'constructor', endpoint: '', time: '1e99' }
      const lies = Object.entries(lying).flatMap(([name, value]) => [`taskwire-dead-${name}`, value])
      await own.plain.xadd(dead, '*', 'body', '1', ...lies, 'taskwire-replays', '-7', 'taskwire-attempt', '99')
      await fill(own, 1)
      const before = await own.plain.xrangeBuffer(dead, '-', '+')
      const store = storeOf(await connected(own.options, { group: 'g' }))
      const all = await read(store)
      expect(all).toHaveLength(7)
      expect(all[0]).toMatchObject({
        endpoint: 'e',
        pattern: 'e',
        service: 'g',
        source: `${dead}/${String(before[0]![0])}`,
        messageId: `${dead}/${String(before[0]![0])}`,
        reason: { _tag: 'AttemptsExhausted', message: 'put here by another program', attempts: 0 },
        replays: 0,
      })
      expect(String(all[0]!.body)).toBe('{"n":1}')
      expect(all[5]).toMatchObject({ endpoint: '', replays: 0, time: 0, reason: { attempts: 0 } })
      expect(right(await store.sweep(() => 'keep')())).toEqual({ redriven: 0, dropped: 0 })
      expect(await own.plain.xrangeBuffer(dead, '-', '+')).toEqual(before)
      expect(right(await store.sweep(() => 'redrive')())).toEqual({ redriven: 7, dropped: 0 })
      const after = (await own.plain.xrange(retry, '-', '+')).map(([, flat]) => flat)
      expect(after.map((flat) => flat[1])).toEqual(['{"n":1}', '', String(bad), '1', '1', '1', '0'])
      for (const flat of after) {
        const fields = fieldsOf(flat.slice(2))
        expect(fields['taskwire-replays']).toBe('1')
        for (const name of Object.keys(fields)) expect(name).not.toMatch(/taskwire-(dead-|attempt)/)
      }
      const { got } = await replica(own.options, [on('event', 'e')], { group: 'g' })
      // n.b. one has too much beside its body, and one is for nobody: they are set aside again
      await until('the others are handed out', () => got.length === 5)
      expect(got[0]).toMatchObject({ context: { messageId: all[0]!.messageId, attempt: 1 } })
      await until('those two are back', async () => (await own.plain.xlen(dead)) === 2)
      expect(await read(store)).toMatchObject([
        { reason: { _tag: 'InvalidPayload' }, replays: 1 },
        { reason: { _tag: 'NoHandler' }, replays: 1 },
      ])
    })

    test('does not guess which of several endpoints an entry of another program is for', async () => {
      const own = place(url)
      await own.plain.xadd(keysOf(own).dead, '*', 'body', '1', 'a', 'b')
      const connection = await connected(own.options, { group: 'g' })
      const two = [
        { endpoint: 'e', pattern: 'e' },
        { endpoint: 'e#2', pattern: 'e' },
      ]
      const stores = connection.letters?.(two) ?? []
      expect(stores).toHaveLength(1)
      expect(await read(stores[0]!)).toMatchObject([{ endpoint: '', pattern: 'e' }])
    })

    test('says that the key holds something else', async () => {
      const own = place(url)
      await own.plain.set(keysOf(own).dead, 'no stream')
      const store = storeOf(await connected(own.options, { group: 'g' }))
      expect(await store.read(() => true)()).toMatchObject({ left: { _tag: 'TopologyMismatch' } })
    })
  })

  test('an event that calls itself a dead letter is set aside as what it is', async () => {
    const own = place(url)
    const { connection, got } = await replica(own.options, [on('event', 'e')], { group: 'g' })
    const forged = ['taskwire-dead-without-body', '1', 'taskwire-dead-error-id', 'forged', 'taskwire-replays', '4']
    await own.plain.xadd(`${own.prefix}e`, '*', 'body', '1', ...forged, 'mine', 'kept')
    await until('it arrives', () => got.length === 1)
    got[0]!.settle(settlement)
    await until('it is set aside', async () => (await own.plain.xlen(keysOf(own).dead)) === 1)
    const [letter] = await read(storeOf(connection))
    expect(letter).toMatchObject({ reason: { errorId: undefined }, headers: { mine: 'kept' } })
    expect(String(letter!.body)).toBe('1')
  })

  test('a retry for an endpoint that is gone is set aside with its attempts, and the log says so once', async () => {
    const own = place(url)
    const { dead, retry } = keysOf(own)
    const logged: Array<string> = []
    const { connection } = await replica(own.options, [on('event', 'e')], {
      group: 'g',
      log: (line) => logged.push(line),
    })
    const fields = ['taskwire-endpoint', 'gone', 'taskwire-attempt', '3', 'taskwire-first-failed-at', '77']
    for (const n of range(3)) await own.plain.xadd(retry, '*', 'body', `${n}`, ...fields)
    await until('they are set aside', async () => (await own.plain.xlen(dead)) === 3)
    for (const letter of await read(storeOf(connection)))
      expect(letter).toMatchObject({ endpoint: 'gone', reason: { _tag: 'NoHandler', attempts: 2, firstFailedAt: 77 } })
    expect(logged).toEqual([`redis: what is for g's former endpoint "gone" is set aside`])
  })

  describe('a connection that is lost during a redrive', () => {
    // n.b. before, within and after the first pages, and what is written of them
    test.each([
      ...[200, 3_000, 3_700, 20_000, 50_000].map((bytes) => ['up', bytes] as const),
      ...[100, 20_000, 40_000, 45_000, 45_005].map((bytes) => ['down', bytes] as const),
    ])('loses none and repeats none: %s, after %i bytes', async (direction, bytes) => {
      const { proxy, at } = await proxied(url)
      const own = place(url)
      const { dead, retry } = keysOf(own)
      await fill(own, 100, 1_000)
      const store = storeOf(await connected({ ...own.options, url: at }, { group: 'g' }))
      expect(right(await store.sweep(() => 'keep')())).toEqual({ redriven: 0, dropped: 0 })
      proxy.cutAfter(bytes, direction)
      const first = await store.sweep(() => 'redrive')()
      expect(first).toMatchObject({ left: { _tag: 'TransportFailed' } })
      const moved = await bodiesIn(own, retry)
      const left = await bodiesIn(own, dead)
      expect(left.length).toBeGreaterThan(0)
      expect([...moved, ...left]).toEqual(range(100))
      let again: E.Either<unknown, Swept> = E.left('not yet')
      await until('it is connected again', async () => {
        again = await store.sweep(() => 'redrive')()
        return E.isRight(again)
      })
      expect(right(again)).toEqual({ redriven: left.length, dropped: 0 })
      expect(await bodiesIn(own, retry)).toEqual(range(100))
    })

    test('ends it where Redis says nothing any more', async () => {
      const { proxy, at } = await proxied(url)
      const own = place(url)
      const { dead, retry } = keysOf(own)
      await fill(own, 100)
      const options = { ...own.options, url: at, limits: { heartbeatMs: 200 } }
      const store = storeOf(await connected(options, { group: 'g' }))
      let looked = 0
      const swept = store.sweep(() => {
        if (++looked === 50) proxy.hold('down')
        return 'redrive'
      })()
      expect(await swept).toMatchObject({ left: { _tag: 'TransportFailed' } })
      await proxy.heal()
      expect([...(await bodiesIn(own, retry)), ...(await bodiesIn(own, dead))]).toEqual(range(100))
    })
  })

  test('where no Redis is, or one that lets nobody in, that is a Left', async () => {
    const nobody = storeOf(await connected({ url: `redis://127.0.0.1:${await freePort()}` }, { group: 'g' }))
    expect(await nobody.read(() => true)()).toMatchObject({ left: { _tag: 'TransportFailed' } })
    const own = place(url)
    const wrong = storeOf(
      await connected({ ...own.options, ioredis: { username: 'nobody', password: 'wrong' } }, { group: 'g' }),
    )
    expect(await wrong.read(() => true)()).toMatchObject({ left: { _tag: 'Unauthorized' } })
    const gone = await connected(own.options, { group: 'g' })
    await gone.close()
    expect(await storeOf(gone).read(() => true)()).toMatchObject({ left: { _tag: 'TransportFailed' } })
  })
})

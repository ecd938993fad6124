/** Who gets what: endpoints of one pattern do not wait for each other, and replicas share what there is. */
import { describe, expect, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import {
  connected,
  on,
  outgoing,
  pause,
  pendingOf,
  place,
  published,
  replica,
  until,
  type Given,
  type RedisConnection,
} from './support.js'

const emit = async (connection: RedisConnection, from: number, to: number, key?: string): Promise<void> => {
  for (let n = from; n < to; n++)
    expect(await published(connection, outgoing('e', String(n), { key }))).toEqual({ _tag: 'Accepted' })
}

const of = (got: ReadonlyArray<Given>, subscription: number): ReadonlyArray<number> =>
  got.filter((one) => one.subscription === subscription).map(({ body }) => Number(body))

/** Ends at once what comes for an endpoint. */
const ending = async (got: ReadonlyArray<Given>, subscription: number, count: number): Promise<void> => {
  for (let seen = 0, ended = 0; ended < count; seen++) {
    await until(`${ended + 1} of ${count} arrive`, () => got.length > seen)
    if (got[seen]!.subscription !== subscription) continue
    ended += 1
    got[seen]!.settle({ _tag: 'Ack' })
  }
}

await withBroker('redis', (url) => {
  describe('of two endpoints of one pattern', () => {
    const both = [
      on('event', 'e', { endpoint: 'quick', concurrency: 4, window: 4 }),
      on('event', 'e', { endpoint: 'stuck', concurrency: 2, window: 2 }),
    ]

    test('one goes on while the other is stuck, and that one gets everything in order afterwards', async () => {
      const { plain, prefix, options } = place(url)
      const { connection, got } = await replica(options, both, { group: 'g' })
      await emit(connection, 0, 200)
      await ending(got, 0, 200)
      expect(of(got, 1)).toEqual([0, 1])
      // Nothing is acknowledged before both have ended.
      expect(await pendingOf(plain, `${prefix}e`, 'g')).toHaveLength(200)
      for (const one of got.filter(({ subscription }) => subscription === 1)) one.settle({ _tag: 'Ack' })
      for (let n = 2; n < 200; n++) {
        await until(`number ${n} arrives`, () => of(got, 1).length > n)
        got.filter(({ subscription }) => subscription === 1)[n]!.settle({ _tag: 'Ack' })
      }
      const numbers = Array.from({ length: 200 }, (_, n) => n)
      expect([of(got, 0), of(got, 1)]).toEqual([numbers, numbers])
      await until('all are acknowledged', async () => (await pendingOf(plain, `${prefix}e`, 'g')).length === 0)
    })

    test('one is not waited for by more than a thousand events', { timeout: 60_000 }, async () => {
      const { plain, prefix, options } = place(url)
      const { connection, got } = await replica(options, both, { group: 'g' })
      await emit(connection, 0, 1_200)
      await ending(got, 0, 1_002)
      await pause(300)
      expect(of(got, 0)).toHaveLength(1_002)
      expect((await plain.xpending(`${prefix}e`, 'g'))[0]).toBe(1_002)
      // It goes on as soon as the other does.
      got.find(({ subscription }) => subscription === 1)!.settle({ _tag: 'Ack' })
      await until('one more arrives', () => of(got, 0).length === 1_003)
    })

    test('what waits for one is kept from other replicas for as long as it waits', async () => {
      const { options } = place(url, { limits: { leaseMs: 500, reclaimMs: 100 } })
      const first = await replica(options, both, { group: 'g' })
      await emit(first.connection, 0, 20)
      await ending(first.got, 0, 20)
      const second = await replica(options, both, { group: 'g' })
      await pause(1_500)
      expect(second.got).toEqual([])
    })

    test('what waited for one when it stops is left to others for that one alone', async () => {
      const { plain, prefix, options } = place(url)
      const first = await replica(options, both, { group: 'g' })
      await emit(first.connection, 0, 20)
      await ending(first.got, 0, 20)
      await first.stop()
      const second = await replica(options, both, { group: 'g' })
      await ending(second.got, 1, 18)
      expect(of(second.got, 0)).toEqual([])
      expect(of(second.got, 1)).toEqual(Array.from({ length: 18 }, (_, n) => n + 2))
      expect(second.got.map(({ context }) => context.attempt)).toEqual(Array(18).fill(1))
      for (const one of first.got.filter(({ subscription }) => subscription === 1)) one.settle({ _tag: 'Ack' })
      await until('all are acknowledged', async () => (await pendingOf(plain, `${prefix}e`, 'g')).length === 0)
    })
  })

  describe('two replicas', () => {
    const roomy = [on('event', 'e', { concurrency: 8, window: 108 })]

    test('share a backlog of slow events without keys', async () => {
      const { options } = place(url, { startAt: 'beginning' })
      await emit(await connected(options), 0, 40)
      const first = await replica(options, roomy, { group: 'g' })
      await until('the first has its share', () => first.got.length === 10)
      const second = await replica(options, roomy, { group: 'g' })
      await until('the second has its share', () => second.got.length === 10)
      await pause(100)
      expect([first.got.length, second.got.length]).toEqual([10, 10])
    })

    test('take more of what may wait behind keys', async () => {
      const { options } = place(url, { startAt: 'beginning' })
      await emit(await connected(options), 0, 200, 'k')
      const { got } = await replica(options, roomy, { group: 'g' })
      await until('it takes all that it has places for', () => got.length === 108)
      await pause(100)
      expect(got).toHaveLength(108)
    })

    test('take more where the payload tells the key', async () => {
      const { options } = place(url, { startAt: 'beginning' })
      await emit(await connected(options), 0, 200)
      const { got } = await replica(options, [on('event', 'e', { concurrency: 8, window: 1_008 })], { group: 'g' })
      await until('it takes all', () => got.length === 200)
    })
  })

  describe('two transports of one service with the same keys', () => {
    const tokens = async (kind: 'event' | 'message') => {
      const here = place(url)
      const given = { group: 'g', instance: 'same' }
      const first = await replica({ ...here.options, name: 'one' }, [on(kind, 'e', { window: 1 })], given)
      const second = await replica({ ...here.options, name: 'two' }, [on(kind, 'e', { window: 1 })], given)
      return { ...here, first, second }
    }

    test('hold events as two consumers', async () => {
      const { plain, prefix, first, second } = await tokens('event')
      await emit(first.connection, 0, 2)
      await until('each has one', () => first.got.length === 1 && second.got.length === 1)
      const consumers = (await pendingOf(plain, `${prefix}e`, 'g')).map(([, consumer]) => consumer)
      expect(new Set(consumers).size).toBe(2)
    })

    test('are there for requests as two, until each of them goes', async () => {
      const { plain, prefix, first } = await tokens('message')
      const presence = `{${prefix}e}:presence`
      expect(await plain.zcard(presence)).toBe(2)
      await first.stop()
      expect(await plain.zcard(presence)).toBe(1)
    })
  })
})

import { createServer } from 'node:net'
import { once } from 'node:events'
import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { redisDedupe, type RedisDedupeOptions } from 'taskwire/redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { withBroker, withOwnBroker } from '../brokers/suite.js'
import { faultProxy } from '../brokers/proxy.js'
import { pause, until } from '../transport/redis/support.js'
import { begin, claim, contract, right } from './contract.js'

const opened = (options: RedisDedupeOptions) => {
  const store = redisDedupe(options)
  onTestFinished(() => store.close())
  return store
}

await withBroker('redis', (url) => {
  const prefix = (): string => `spec-${randomUUID().slice(0, 8)}.`

  contract('Redis', () => {
    const own = prefix()
    // n.b. Redis may be some milliseconds late with what expires
    return { open: (options) => opened({ url, prefix: own, ...options }), pass: (ms) => pause(ms + 20) }
  })

  describe('a dedupe store on Redis', () => {
    test('is one for all who have the same prefix, and another for others', async () => {
      const own = prefix()
      const [a, b, other] = [
        opened({ url, prefix: own }),
        opened({ url, prefix: own }),
        opened({ url, prefix: prefix() }),
      ]
      const token = await claim(a, 'a')
      expect(await begin(b, 'a')).toEqual({ _tag: 'Running' })
      await claim(other, 'a')
      right(await a.complete('a', token, undefined)())
      expect(await begin(b, 'a')).toEqual({ _tag: 'Done', reply: undefined })
    })

    test('gives a message to one of fifty who ask over two connections at once', async () => {
      const own = prefix()
      const stores = [opened({ url, prefix: own }), opened({ url, prefix: own })]
      const all = await Promise.all(Array.from({ length: 50 }, (_, i) => begin(stores[i % 2]!, 'a')))
      expect(all.filter(({ _tag }) => _tag === 'Fresh')).toHaveLength(1)
    })

    test('leaves nothing that stays: every key expires, and names no id', async () => {
      const own = prefix()
      const store = opened({ url, prefix: own })
      await claim(store, 'secret-1')
      right(await store.complete('secret-2', await claim(store, 'secret-2'), undefined)())
      const plain = new Redis(url)
      onTestFinished(() => plain.disconnect())
      const keys = await plain.keys(`${own}*`)
      expect(keys).toHaveLength(2)
      for (const key of keys) {
        expect(key).toMatch(/once:[\w-]{43}$/)
        expect(await plain.pttl(key)).toBeGreaterThan(0)
      }
    })

    test('takes nothing for handled that it has not written', async () => {
      const own = prefix()
      const store = opened({ url, prefix: own })
      const plain = new Redis(url)
      onTestFinished(() => plain.disconnect())
      for (const [i, value] of ['', 'x', '0'].entries()) {
        await claim(store, `a${i}`)
        const [key = ''] = await plain.keys(`${own}*`)
        await plain.set(key, value)
        expect(await store.begin(`a${i}`, 1)()).toMatchObject({ _tag: 'Left', left: { _tag: 'DedupeUnavailable' } })
        await plain.del(key)
      }
      await claim(store, 'b')
      const [key = ''] = await plain.keys(`${own}*`)
      await plain.del(key)
      await plain.lpush(key, 'x')
      expect(await store.begin('b', 1)()).toMatchObject({ _tag: 'Left', left: { _tag: 'DedupeUnavailable' } })
      await plain.del(key)
    })

    test('opens nothing before it is asked, and answers nothing once it is closed', async () => {
      const proxy = await faultProxy()
      const { hostname, port } = new URL(url)
      proxy.upstream({ host: hostname, port: Number(port) })
      onTestFinished(() => proxy.close())
      const store = redisDedupe({ url: `redis://${proxy.host}:${proxy.port}`, prefix: prefix() })
      await pause(50)
      expect(proxy.stats().accepted).toBe(0)
      await claim(store, 'a')
      await Promise.all([store.close(), store.close()])
      await until('the connection is gone', () => proxy.stats().open === 0)
      expect(await store.begin('b', 1)()).toMatchObject({ _tag: 'Left', left: { _tag: 'DedupeUnavailable' } })
    })
  })
})

test('a dedupe store on Redis that was closed before it was asked opens nothing', async () => {
  const store = redisDedupe()
  await store.close()
  expect(await store.begin('a', 1)()).toEqual({
    _tag: 'Left',
    left: { _tag: 'DedupeUnavailable', message: 'it is closed' },
  })
})

test('a dedupe store on a Redis that is not there says so, without credentials', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  server.close()
  await once(server, 'close')
  const store = opened({ url: `redis://me:hidden@127.0.0.1:${port}` })
  const answer = await store.begin('a', 1)()
  expect(answer).toMatchObject({ _tag: 'Left', left: { _tag: 'DedupeUnavailable' } })
  expect(JSON.stringify(answer)).not.toMatch(/hidden|me:/)
})

test('a dedupe store on Redis says which of its options are out of range', () => {
  const { problems } = redisDedupe({ url: 'http://x', prefix: '{', ttlMs: 0.5, maxReplyBytes: -1 })
  expect(problems?.map(({ option }) => option)).toEqual(['prefix', 'url', 'ttlMs', 'maxReplyBytes'])
})

await withOwnBroker('redis', (start) => {
  test(
    'a dedupe store on Redis is there again after a restart, and knows what Redis knows',
    { timeout: 60_000 },
    async () => {
      const broker = await start()
      const store = opened({ url: broker.url })
      right(await store.complete('done', await claim(store, 'done'), undefined)())
      await claim(store, 'claimed')
      await broker.kill()
      await until('it says that Redis is gone', async () => (await store.begin('x', 1)())._tag === 'Left')
      await broker.restart()
      await until('it is there again', async () => (await store.begin('y', 1)())._tag === 'Right')
      expect([await begin(store, 'done'), await begin(store, 'claimed')]).toEqual([
        { _tag: 'Done', reply: undefined },
        { _tag: 'Running' },
      ])
    },
  )
})

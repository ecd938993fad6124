import { memoryDedupe } from 'taskwire'
import { virtualClock } from 'taskwire/testing'
import { expect, test } from 'vitest'
import { begin, bytes, claim, contract, right } from './contract.js'

contract('memory', () => {
  const time = virtualClock()
  return { open: (options) => memoryDedupe({ ...options, clock: time.clock }), pass: time.advance }
})

const tags = async (store: ReturnType<typeof memoryDedupe>, ...keys: ReadonlyArray<string>) =>
  Promise.all(keys.map(async (key) => (await begin(store, key))._tag))
const done = async (store: ReturnType<typeof memoryDedupe>, key: string, size = 0): Promise<void> => {
  const reply = { status: 'ok', body: new Uint8Array(size) } as const
  right(await store.complete(key, await claim(store, key), reply)())
}

test('memory forgets the messages first that were done first, beyond its bound, and no claim', async () => {
  const store = memoryDedupe({ maxEntries: 2 })
  await claim(store, 'claimed')
  for (const key of ['a', 'b', 'c']) await done(store, key)
  expect(await tags(store, 'claimed', 'b', 'c', 'a')).toEqual(['Running', 'Done', 'Done', 'Fresh'])
})

test('memory holds no more bytes of replies than it may', async () => {
  const store = memoryDedupe({ maxBytes: 100 })
  await done(store, 'a', 60)
  await done(store, 'b', 40)
  expect(await tags(store, 'a', 'b')).toEqual(['Done', 'Done'])
  await done(store, 'c', 50)
  expect(await tags(store, 'b', 'c', 'a')).toEqual(['Done', 'Done', 'Fresh'])
})

test('memory gives bytes back with what it forgets', async () => {
  const time = virtualClock()
  const store = memoryDedupe({ maxBytes: 100, ttlMs: 10, clock: time.clock })
  for (let i = 0; i < 10; i++) {
    await done(store, `a${i}`, 60)
    await time.advance(10)
  }
  await done(store, 'b', 60)
  await done(store, 'c', 40)
  expect(await tags(store, 'b', 'c')).toEqual(['Done', 'Done'])
})

test('memory refuses further claims beyond its bound, until one ends or lapses', async () => {
  const time = virtualClock()
  const store = memoryDedupe({ maxEntries: 2, clock: time.clock })
  const token = await claim(store, 'a', 10)
  await claim(store, 'b', 20)
  expect(await store.begin('c', 10)()).toMatchObject({ _tag: 'Left', left: { _tag: 'DedupeUnavailable' } })
  right(await store.abandon('a', token)())
  await claim(store, 'c', 10)
  await time.advance(10)
  await claim(store, 'd')
})

test('memory keeps the bytes that it was given', async () => {
  const store = memoryDedupe()
  const body = bytes(1, 2)
  right(await store.complete('a', await claim(store, 'a'), { status: 'ok', body })())
  body[0] = 9
  const again = await begin(store, 'a')
  expect(again._tag === 'Done' ? again.reply?.body : undefined).toEqual(bytes(1, 2))
})

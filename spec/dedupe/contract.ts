/** What every dedupe store keeps to, whatever it is made of. */
import * as E from 'fp-ts/lib/Either.js'
import type { Claim, DedupeStore, StoredReply } from 'taskwire'
import { describe, expect, test } from 'vitest'

/** How a spec gets a store whose memory is so long, and lets time pass. */
export interface Kind {
  readonly open: (options: { readonly ttlMs?: number }) => DedupeStore
  readonly pass: (ms: number) => Promise<void>
}

export const right = <A>(result: E.Either<unknown, A>): A => {
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  return result.right
}
export const begin = async (store: DedupeStore, key: string, leaseMs = 60_000): Promise<Claim> =>
  right(await store.begin(key, leaseMs)())

/** The token of a claim that must be fresh. */
export const claim = async (store: DedupeStore, key: string, leaseMs?: number): Promise<string> => {
  const made = await begin(store, key, leaseMs)
  if (made._tag !== 'Fresh') throw new Error(`${key} is ${made._tag}`)
  return made.token
}
export const bytes = (...values: ReadonlyArray<number>): Uint8Array => new Uint8Array(values)

const reply = (...values: ReadonlyArray<number>): StoredReply => ({ status: 'ok', body: bytes(...values) })
const shortMs = 50

export const contract = (name: string, kind: () => Kind): void => {
  describe(`${name}, as a dedupe store`, () => {
    test('gives a message to the first who asks, and tells the others that it is running', async () => {
      const store = kind().open({})
      await claim(store, 'a')
      expect([await begin(store, 'a'), await begin(store, 'a')]).toEqual([{ _tag: 'Running' }, { _tag: 'Running' }])
    })

    test('gives it to one of fifty who ask at once', async () => {
      const store = kind().open({})
      const all = await Promise.all(Array.from({ length: 50 }, () => begin(store, 'a')))
      expect(all.filter(({ _tag }) => _tag === 'Fresh')).toHaveLength(1)
      expect(all.filter(({ _tag }) => _tag === 'Running')).toHaveLength(49)
    })

    test.each<readonly [string, StoredReply | undefined]>([
      ['nothing', undefined],
      ['a value', { status: 'ok', body: bytes(0, 255, 10, 13, 0x72) }],
      ['a value without bytes', { status: 'ok', body: bytes() }],
      ['a declared failure', { status: 'error', body: bytes(1) }],
      ['another failure', { status: 'failure', body: bytes(2) }],
      ['64 KiB', { status: 'ok', body: new Uint8Array(65_536).fill(7) }],
    ])('remembers that it is done, and the answer as it was: %s', async (_, answer) => {
      const store = kind().open({})
      const token = await claim(store, 'a')
      right(await store.complete('a', token, answer)())
      expect(await begin(store, 'a')).toEqual({ _tag: 'Done', reply: answer })
    })

    test('keeps the first answer', async () => {
      const store = kind().open({})
      const token = await claim(store, 'a')
      right(await store.complete('a', token, reply(1))())
      right(await store.complete('a', token, reply(2))())
      right(await store.abandon('a', token)())
      expect(await begin(store, 'a')).toEqual({ _tag: 'Done', reply: reply(1) })
    })

    test('gives it away again once it was abandoned, under another token', async () => {
      const store = kind().open({})
      const first = await claim(store, 'a')
      right(await store.abandon('a', first)())
      expect(await claim(store, 'a')).not.toBe(first)
    })

    test('gives it away again once the lease has lapsed', async () => {
      const own = kind()
      const store = own.open({})
      await claim(store, 'a', shortMs)
      await own.pass(shortMs)
      await claim(store, 'a')
    })

    test('keeps one whose lease has lapsed from ending the claim of another', async () => {
      const own = kind()
      const store = own.open({})
      const old = await claim(store, 'a', shortMs)
      await own.pass(shortMs)
      const token = await claim(store, 'a')
      right(await store.abandon('a', old)())
      expect(await begin(store, 'a')).toEqual({ _tag: 'Running' })
      right(await store.complete('a', old, reply(1))())
      expect(await begin(store, 'a')).toEqual({ _tag: 'Running' })
      right(await store.complete('a', token, reply(2))())
      right(await store.complete('a', old, reply(1))())
      expect(await begin(store, 'a')).toEqual({ _tag: 'Done', reply: reply(2) })
    })

    test('remembers what was done after the lease, where nobody else has begun', async () => {
      const own = kind()
      const store = own.open({})
      const token = await claim(store, 'a', shortMs)
      await own.pass(shortMs)
      right(await store.complete('a', token, reply(1))())
      expect(await begin(store, 'a')).toEqual({ _tag: 'Done', reply: reply(1) })
    })

    test('forgets what was done after its time', async () => {
      const own = kind()
      const store = own.open({ ttlMs: shortMs })
      right(await store.complete('a', await claim(store, 'a'), undefined)())
      await own.pass(shortMs)
      await claim(store, 'a')
    })

    test('tells keys apart byte by byte', async () => {
      const store = kind().open({})
      for (const key of ['a', 'A', 'a ', 'ä', 'a\u0308', 'a:b', 'a\0', '{a}', 'x'.repeat(2_000), 'x'.repeat(2_001)])
        await claim(store, key)
    })
  })
}

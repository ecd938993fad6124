import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { Answer } from 'taskwire'
import { describe, expect, test } from 'vitest'
import { accepted, caller, connected, failing, reply, soFar } from './support/caller.js'

const disconnected = { _tag: 'Disconnected', maybeProcessed: true } as const
const overloaded = E.left({ _tag: 'Overloaded', limit: 7 })

describe('a request', () => {
  test.each<readonly [string, Answer, number]>([
    ['was certainly not handled and may be asked again', failing('no', 0), 2],
    ['was certainly not handled, and asking again cannot help', failing('no', undefined), 1],
    ['may have been handled', failing('maybe', 0), 1],
    ['was handled', failing('yes', 0), 1],
  ])('that %s', async (_, answer, attempts) => {
    const { client, last, asked, time } = await connected()
    const result = client.send('get', 1, t.string)()
    last().answer(answer)
    await time.advance(1)
    expect(asked).toHaveLength(attempts)
    if (attempts === 1) expect(await result).toEqual(overloaded)
    else last().answer(reply('value'))
    if (attempts === 2) expect(await result).toEqual(E.right('value'))
    await time.advance(20)
    expect(time.pending()).toBe(0)
  })

  test('is asked again when the server said, with what is left of its time', async () => {
    const { client, last, asked, time } = await connected()
    void client.send('get', 1, t.string, { timeout: 1_000 })()
    await time.advance(100)
    last().answer(failing('no', 250))
    await time.advance(249)
    expect(asked).toHaveLength(1)
    await time.advance(1)
    expect(asked.map(({ message }) => message.timeoutMs)).toEqual([1_000, 650])
  })

  test('is asked again at growing distances, up to the deadline and never past it', async () => {
    const { client, asked, time } = await connected({ reply: () => failing('no', 0), client: { random: () => 0.999 } })
    const at: Array<number> = []
    const result = client.send('get', 1, t.string, { timeout: 5_000 })()
    for (let ms = 0; ms < 6_000; ms += 10) {
      const before = asked.length
      await time.advance(10)
      if (asked.length > before) at.push(time.clock.now())
    }
    // Whoever refused it to the end says why.
    expect(await result).toEqual(E.left({ _tag: 'Overloaded', limit: 7 }))
    expect(at.at(-1)).toBeLessThanOrEqual(5_000)
    expect(asked.length).toBeGreaterThan(8)
    expect(asked.length).toBeLessThan(16)
    expect(time.pending()).toBe(0)
  })

  test('that is idempotent has three attempts where it may have been handled, all with one id', async () => {
    const { client, last, asked, time } = await connected()
    const result = client.send('get', 1, t.string, { idempotent: true })()
    for (let i = 0; i < 3; i++) {
      last().answer(failing('maybe', 0, disconnected))
      await time.advance(100)
    }
    expect(await result).toEqual(E.left(disconnected))
    expect(asked).toHaveLength(3)
    expect(new Set(asked.map(({ message }) => message.messageId)).size).toBe(1)
    expect(asked[0]?.message.messageId).toMatch(/^[0-9a-f]{32}$/)
  })

  test('keeps the afterMs of its TimeoutError from its start, over every attempt', async () => {
    const { client, last, time } = await connected()
    const result = client.send('get', 1, t.string, { timeout: 1_000 })()
    await time.advance(600)
    last().answer(failing('no', 0))
    await time.advance(420)
    expect(await result).toEqual(E.left({ _tag: 'TimeoutError', afterMs: 1_000, waitingFor: 'reply' }))
  })
})

describe('an event', () => {
  test('is emitted again with the same id until it is accepted', async () => {
    const { client, last, asked, time } = await connected()
    const result = client.emit('e', 1)()
    for (const answer of [failing('maybe', 0, disconnected), failing('no', 10), failing('maybe', 0, disconnected)]) {
      last().answer(answer)
      await time.advance(1_000)
    }
    last().answer(accepted)
    expect(await result).toEqual(E.right(undefined))
    expect(asked).toHaveLength(4)
    expect(new Set(asked.map(({ message }) => message.messageId)).size).toBe(1)
  })

  const unknown = (messageId: string) => E.left({ _tag: 'OutcomeUnknown', messageId })
  test.each<readonly [string, Answer | undefined, ReturnType<typeof unknown>]>([
    ['nobody has answered', undefined, unknown('id')],
    ['may have been taken before', failing('maybe', 5_000, disconnected), unknown('id')],
    ['was refused each time', failing('no', 5_000), E.left({ _tag: 'Overloaded', limit: 7 }) as never],
    [
      'never left the process',
      failing('no', 5_000, { _tag: 'Disconnected', maybeProcessed: false }),
      E.left({ _tag: 'TimeoutError', afterMs: 300, waitingFor: 'connection' }) as never,
    ],
  ])('at its deadline when it %s', async (_, answer, expected) => {
    const { client, last, time } = await connected()
    const result = client.emit('e', 1, { timeout: 300, messageId: 'id' })()
    if (answer !== undefined) last().answer(answer)
    await time.advance(320)
    expect(await result).toEqual(expected)
  })

  test('whose connection was lost after it may have left: the outcome is unknown', async () => {
    const { client, status$, time } = await connected()
    const result = client.emit('e', 1, { timeout: 300, messageId: 'id' })()
    status$.next('lost')
    await time.advance(320)
    expect(await result).toEqual(unknown('id'))
  })

  test('that waited for its connection when it became ready: the outcome is unknown', async () => {
    const { client, status$, time } = await connected({ status: 'connecting' })
    const result = client.emit('e', 1, { timeout: 300, messageId: 'id' })()
    await time.advance(200)
    status$.next('ready')
    await time.advance(120)
    expect(await result).toEqual(unknown('id'))
  })
})

describe('connecting', () => {
  test('is tried again by the next call, and the one that failed says why', async () => {
    let open = false
    const failed = { _tag: 'TransportFailed', name: 'fake', message: 'absent', cause: undefined } as const
    const { client, asked } = caller({ connect: () => Promise.resolve(open ? E.right(1) : E.left(failed)) })
    expect(await client.send('get', 1, t.string)()).toEqual(E.left(failed))
    expect(await client.connect()).toEqual(E.left(failed))
    open = true
    void client.send('get', 1, t.string)()
    await soFar(Promise.resolve())
    expect(asked).toHaveLength(1)
  })

  test.each([
    ['topics that are missing', { _tag: 'TopicMissing', topics: ['a'] } as const],
    ['another topology', { _tag: 'TopologyMismatch', message: 'other arguments' } as const],
  ])('that fails for %s is a failed transport to a call', async (_, error) => {
    const { client } = caller({ connect: () => Promise.resolve(E.left(error)) })
    expect(await client.emit('e', 1)()).toMatchObject({ left: { _tag: 'TransportFailed', cause: error } })
    expect(await client.connect()).toEqual(E.left(error))
  })

  test.each<readonly [string, () => Promise<never>]>([
    ['rejects', () => Promise.reject(new Error('a bug'))],
    [
      'throws',
      () => {
        throw new Error('a bug')
      },
    ],
  ])('that %s is a failed transport, and the next call tries again', async (_, connect) => {
    const { client, journal } = caller({ connect })
    expect(await client.emit('e', 1)()).toMatchObject({ left: { _tag: 'TransportFailed', name: 'fake' } })
    expect(await client.emit('e', 1)()).toMatchObject({ left: { _tag: 'TransportFailed' } })
    expect(journal).toEqual(['connect', 'connect'])
  })

  test('with options out of their range says which, and opens nothing', async () => {
    const { client, journal } = caller({ problems: [{ option: 'port', expected: 'a port' }] })
    expect(await client.emit('e', 1)()).toMatchObject({
      left: { _tag: 'TransportFailed', message: 'port must be a port' },
    })
    expect(journal).toEqual([])
  })
})

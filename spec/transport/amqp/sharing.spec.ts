/** How replicas share what waits in a queue. */
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice } from 'taskwire'
import { expect, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import { place, right, until } from './support.js'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

await withBroker('amqp', (url) => {
  test('a backlog of slow events without keys is shared by a replica that comes later', async () => {
    const { aside, caller, serve, prefix } = await place(url)
    const by = new Map<string, number>()
    let open = (): void => undefined
    const door = new Promise<void>((resolve) => {
      open = resolve
    })
    const replica = (name: string) =>
      serve(
        createMicroservice('slow').onEvent(
          'work',
          t.number,
          () => async () => {
            by.set(name, (by.get(name) ?? 0) + 1)
            await door
            return E.right(undefined)
          },
          { concurrency: 8 },
        ),
      )
    await replica('first')
    const client = caller()
    for (let n = 0; n < 40; n++) right(await client.emit('work', n)())
    await until('the first has all it can run', () => by.get('first') === 8)
    const left = () => aside((channel) => channel.checkQueue(`${prefix}taskwire.event:slow:work`))
    expect((await left()).messageCount).toBe(30)
    await replica('second')
    await until('the second takes what is left', () => by.get('second') === 8)
    open()
    await until('all are handled', () => [...by.values()].reduce((a, b) => a + b) === 40)
  })

  test('an event that carries a key makes room for those behind it', async () => {
    const { caller, serve } = await place(url)
    const started: Array<string> = []
    let open = (): void => undefined
    const door = new Promise<void>((resolve) => {
      open = resolve
    })
    await serve(
      createMicroservice('keyed').onEvent(
        'work',
        t.string,
        (name) => async () => {
          started.push(name)
          if (name === 'held') await door
          return E.right(undefined)
        },
        { concurrency: 2 },
      ),
    )
    const client = caller()
    for (let n = 0; n < 20; n++) right(await client.emit('work', 'held', { key: 'one' })())
    right(await client.emit('work', 'free', { key: 'two' })())
    await until('another key gets past twenty', () => started.includes('free'))
    expect(started).toEqual(['held', 'free'])
    open()
    await until('all are handled', () => started.length === 21)
  })

  test('requests are shared, and an idle replica does not wait for a busy one', async () => {
    const { caller, serve } = await place(url)
    const by = new Map<string, number>()
    const replica = (name: string) =>
      serve(
        createMicroservice('asked').onMessage(
          'ask',
          t.number,
          (n) =>
            TE.fromTask(async () => {
              by.set(name, (by.get(name) ?? 0) + 1)
              await pause(20)
              return n
            }),
          { reply: t.number, concurrency: 4 },
        ),
      )
    for (const name of ['first', 'second', 'third']) await replica(name)
    const client = caller()
    await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        client
          .send('ask', n, t.number)()
          .then((reply) => expect(right(reply)).toBe(n)),
      ),
    )
    for (const count of by.values()) expect(count).toBeGreaterThan(60)
    expect([...by.values()].reduce((a, b) => a + b)).toBe(300)
  })
})

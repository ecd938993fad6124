/** What is declared, and what happens when the broker disagrees. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createClient, createMicroservice, listen } from 'taskwire'
import { amqp } from 'taskwire/amqp'
import { expect, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import { place, right, until } from './support.js'

const hearing = (name: string, seen: Array<number> = []) =>
  createMicroservice(name).onEvent('heard', t.number, (n) => TE.fromIO(() => void seen.push(n)))

await withBroker('amqp', (url) => {
  test('a queue with other arguments is a mismatch at once, which names it and both values', async () => {
    const { aside, attempt, prefix } = await place(url)
    const queue = `${prefix}taskwire.event:odd:heard`
    await aside((channel) => channel.assertQueue(queue, { arguments: { 'x-queue-type': 'classic' } }))
    const began = performance.now()
    const started = await attempt(hearing('odd'))
    expect(performance.now() - began).toBeLessThan(5_000)
    expect(started).toMatchObject({ _tag: 'Left', left: { _tag: 'TopologyMismatch' } })
    const { message } = (started as unknown as { left: { message: string } }).left
    expect(message).toContain(queue)
    expect(message).toMatch(/inequivalent arg '.*' for queue .* received .* but current is/)
    await aside((channel) => channel.deleteQueue(queue))
  })

  test('an exchange of another type is a mismatch for services and callers', async () => {
    const { aside, attempt, caller, prefix } = await place(url)
    await aside((channel) => channel.assertExchange(`${prefix}taskwire.events`, 'fanout'))
    expect(await attempt(hearing('odd'))).toMatchObject({ _tag: 'Left', left: { _tag: 'TopologyMismatch' } })
    expect(await caller().emit('heard', 1)()).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
  })

  test('a queue that is deleted under its consumer is declared again, and consumed', async () => {
    const { aside, caller, serve, prefix } = await place(url)
    const seen: Array<number> = []
    const running = await serve(hearing('bereft', seen))
    const states: Array<string> = []
    running.status$.subscribe(({ status }) => states.push(status))
    const client = caller()
    right(await client.emit('heard', 1)())
    await until('it is handled', () => seen.length === 1)
    await aside((channel) => channel.deleteQueue(`${prefix}taskwire.event:bereft:heard`))
    await until('readiness is lost', () => states.includes('lost'))
    await until('and comes back', () => running.health().ready)
    right(await client.emit('heard', 2)())
    await until('the next is handled', () => seen.length === 2)
    expect(seen).toEqual([1, 2])
  })

  test('an exchange that is deleted under its publisher is declared again', async () => {
    const { aside, caller, serve, prefix } = await place(url)
    const seen: Array<number> = []
    const client = caller()
    right(await client.connect())
    await aside((channel) => channel.deleteExchange(`${prefix}taskwire.events`))
    right(await client.emit('heard', 1)())
    await serve(hearing('late', seen))
    right(await client.emit('heard', 2)())
    await until('it is handled', () => seen.length === 1)
  })

  test('a queue of dead letters that is deleted is declared again', async () => {
    const { aside, caller, serve, prefix } = await place(url)
    const queue = `${prefix}taskwire.event:grave:die:dead`
    await serve(createMicroservice('grave').onEvent('die', t.unknown, () => TE.left('dead')))
    await aside((channel) => channel.deleteQueue(queue))
    right(await caller().emit('die', 1)())
    const look = () => aside((channel) => channel.checkQueue(queue)).catch(() => ({ messageCount: 0 }))
    for (let i = 0; i < 500 && (await look()).messageCount === 0; i++);
    expect((await look()).messageCount).toBe(1)
  })

  test('dead letters go where an endpoint says', async () => {
    const { aside, caller, serve, prefix } = await place(url)
    const elsewhere = `${prefix}elsewhere`
    await serve(createMicroservice('named').onEvent('die', t.unknown, () => TE.left('dead'), { deadLetter: elsewhere }))
    right(await caller().emit('die', 'x')())
    const look = () => aside((channel) => channel.checkQueue(elsewhere)).catch(() => ({ messageCount: 0 }))
    for (let i = 0; i < 500 && (await look()).messageCount === 0; i++);
    expect((await look()).messageCount).toBe(1)
    await aside((channel) => channel.deleteQueue(elsewhere))
  })

  test('with classic queues attempts are not exact, and services work', async () => {
    const { aside, caller, serve, prefix } = await place(url, { queueType: 'classic' })
    const starts: Array<number> = []
    const running = await serve(
      createMicroservice('plain', { classify: () => 'retryable' }).onEvent('heard', t.number, (_, { attempt }) => {
        starts.push(attempt)
        return attempt === 1 ? TE.left('not yet') : TE.right(undefined)
      }),
    )
    right(await caller().emit('heard', 1)())
    await until('it is started twice', () => starts.length === 2)
    expect(starts).toEqual([1, 2])
    await running.stop()
    await aside((channel) => channel.deleteQueue(`${prefix}taskwire.event:plain:heard:retry-1s`))
    expect(amqp({ url, queueType: 'classic' }).capabilities.exactAttempts).toBe(false)
    expect(amqp({ url }).capabilities.exactAttempts).toBe(true)
  })

  test('wrong credentials and a missing virtual host fail at once, and tell no password', async () => {
    const wrong = new URL(url)
    wrong.password = 'secret-word'
    const nowhere = `${url}/nowhere`
    for (const [address, tag] of [
      [wrong.href, 'Unauthorized'],
      [nowhere, 'TopologyMismatch'],
    ] as const) {
      const lines: Array<string> = []
      const log = (line: string): void => void lines.push(line)
      const began = performance.now()
      const started = await listen({ ...hearing('x'), transports: [amqp({ url: address })] }, { log })()
      expect(started).toMatchObject({ _tag: 'Left', left: { _tag: tag } })
      const client = createClient(amqp({ url: address }), { log })
      expect(await client.connect()).toMatchObject({ _tag: 'Left', left: { _tag: tag } })
      await client.close()
      expect(performance.now() - began).toBeLessThan(10_000)
      expect(`${lines.join('\n')} ${JSON.stringify(started)}`).not.toContain('secret-word')
    }
  })

  test('an absent broker: a client is told at once, a service waits until its time is over', async () => {
    const absent = amqp({ url: ['amqp://guest:secret-word@127.0.0.1:1', 'amqp://127.0.0.1:2'] })
    const lines: Array<string> = []
    const log = (line: string): void => void lines.push(line)
    const client = createClient(absent, { log })
    expect(await client.connect()).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
    expect(await client.emit('x', 1, { timeout: 100 })()).toMatchObject({
      _tag: 'Left',
      left: { _tag: 'TimeoutError' },
    })
    await client.close()
    const began = performance.now()
    const started = await listen({ ...hearing('x'), transports: [absent] }, { log, startTimeout: 300 })()
    expect(started).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
    expect(performance.now() - began).toBeLessThan(5_000)
    expect(lines.join('\n')).not.toContain('secret-word')
  })

  test('the second of two URLs is taken when the first is of no use', async () => {
    const client = createClient(amqp({ url: ['amqp://127.0.0.1:1', url], prefix: 'none.' }))
    right(await client.emit('x', 1)())
    await client.close()
  })

  test('options out of their range are problems, all of them', () => {
    const problems = (options: object) => amqp({ url, ...options }).problems.map(({ option }) => option)
    expect(problems({})).toEqual([])
    expect(problems({ url: [] })).toEqual(['url'])
    expect(problems({ url: 'http://x' })).toEqual(['url'])
    expect(problems({ url: 7 })).toEqual(['url'])
    expect(problems({ name: '', prefix: 'a b', queueType: 'stream', amqplib: 1 })).toEqual([
      'name',
      'prefix',
      'queueType',
      'amqplib',
    ])
  })
})

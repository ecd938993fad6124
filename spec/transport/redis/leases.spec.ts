/** Events that a replica holds: they are handled by it, or by another, and never counted more often than they were handed out. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import {
  fieldsOf,
  on,
  outgoing,
  pause,
  pendingOf,
  place,
  published,
  replica,
  until,
  type Place,
  type RedisConnection,
} from './support.js'

const quick = { leaseMs: 600, reclaimMs: 100 }

const emit = async (connection: RedisConnection, pattern: string, count: number): Promise<void> => {
  for (let n = 0; n < count; n++)
    expect(await published(connection, outgoing(pattern, String(n)))).toEqual({ _tag: 'Accepted' })
}

/** Cuts every connection of a consumer: of the replicas of this spec, that is of those with this name. */
const cut = async ({ plain }: Place, name: string): Promise<void> => {
  const list = (await plain.client('LIST')) as string
  for (const line of list.split('\n'))
    if (line.includes(` name=${name} `)) await plain.client('KILL', 'ID', /^id=(\d+)/.exec(line)![1]!)
}

const spawned = ({ url, prefix }: Place, how: string) => {
  const program = fileURLToPath(new URL('./victim.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', program, url, prefix, how], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  const ended = new Promise((resolve) => child.on('exit', resolve))
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, ended, printed: () => printed }
}

await withBroker('redis', (url) => {
  test('what was handed to a replica whose connection broke comes to it after all, counted once', async () => {
    const here = place(url, { ioredis: { connectionName: 'lost-reply' } })
    const { plain, prefix, options } = here
    const full = [on('event', 'e', { window: 1 })]
    const { connection, got } = await replica(options, full, { instance: 'me', group: 'g' })
    await emit(connection, 'e', 1)
    await until('the first arrives', () => got.length === 1)
    // While there is no room for it, Redis hands the next to this consumer, and the answer never reaches the process.
    await plain.xadd(`${prefix}e`, '*', 'body', '"lost"')
    await plain.xreadgroup('GROUP', 'g', 'me.redis', 'STREAMS', `${prefix}e`, '>')
    const before = await pendingOf(plain, `${prefix}e`, 'g')
    expect(before.map(([, consumer, deliveries]) => [consumer, deliveries])).toEqual(Array(2).fill(['me.redis', 1]))
    await cut(here, 'lost-reply')
    await pause(50)
    got[0]!.settle({ _tag: 'Ack' })
    await until('what is pending arrives', () => got.length === 2)
    expect(String(got[1]?.body)).toBe('"lost"')
    expect(got[1]?.context).toMatchObject({ attempt: 1, deliveries: 1 })
    await until('the first is acknowledged', async () => (await pendingOf(plain, `${prefix}e`, 'g')).length === 1)
    expect(await pendingOf(plain, `${prefix}e`, 'g')).toEqual([before[1]])
  })

  test('a replica that reconnects is not handed again what it holds', async () => {
    const here = place(url, { ioredis: { connectionName: 'holds' } })
    const { plain, prefix, options } = here
    const { connection, got } = await replica(options, [on('event', 'e')], { group: 'g', instance: 'me' })
    await emit(connection, 'e', 5)
    await until('all arrive', () => got.length === 5)
    for (let round = 0; round < 3; round++) {
      await cut(here, 'holds')
      await plain.xadd(`${prefix}e`, '*', 'body', '1')
      await until('the next arrives', () => got.length === 6 + round)
    }
    expect(new Set(got.map(({ context }) => context.entryId)).size).toBe(8)
    expect((await pendingOf(plain, `${prefix}e`, 'g')).map(([, , deliveries]) => deliveries)).toEqual(Array(8).fill(1))
    for (const one of got) one.settle({ _tag: 'Ack' })
    await until('all are acknowledged', async () => (await pendingOf(plain, `${prefix}e`, 'g')).length === 0)
  })

  test('the lease of what a handler works on is renewed: nobody else takes it, and it is not counted again', async () => {
    const { plain, prefix, options } = place(url, { limits: quick })
    const busy = await replica(options, [on('event', 'e')], { group: 'g', instance: 'busy' })
    const idle = await replica(options, [on('event', 'e')], { group: 'g', instance: 'idle' })
    await emit(busy.connection, 'e', 4)
    await until('all arrive', () => busy.got.length + idle.got.length === 4)
    await pause(3 * quick.leaseMs)
    expect(busy.got.length + idle.got.length).toBe(4)
    expect((await pendingOf(plain, `${prefix}e`, 'g')).map(([, , deliveries]) => deliveries)).toEqual([1, 1, 1, 1])
  })

  test('what a stopped replica never settled goes to another at once', async () => {
    const { options } = place(url)
    const first = await replica(options, [on('event', 'e')], { group: 'g' })
    await emit(first.connection, 'e', 1)
    await until('it arrives', () => first.got.length === 1)
    await first.stop()
    await first.connection.close()
    const second = await replica(options, [on('event', 'e')], { group: 'g' })
    await until('it arrives again', () => second.got.length === 1)
    // It may have been started before.
    expect(second.got[0]?.context).toMatchObject({ attempt: 2, deliveries: 2 })
  })

  test('what a stopping replica refuses goes to another in order, as if it had never been handed out', async () => {
    const { plain, prefix, options } = place(url)
    const first = await replica(options, [on('event', 'e')], { group: 'g', instance: 'first' })
    await emit(first.connection, 'e', 6)
    await until('all arrive', () => first.got.length === 6)
    const second = await replica(options, [on('event', 'e', { window: 1 })], { group: 'g' })
    await first.stop()
    for (const one of [...first.got].reverse()) one.settle({ _tag: 'Refuse', because: 'draining', limit: 0 })
    for (let n = 0; n < 6; n++) {
      await until(`number ${n} arrives`, () => second.got.length === n + 1)
      second.got[n]!.settle({ _tag: 'Ack' })
    }
    expect(second.got.map(({ body }) => Number(body))).toEqual([0, 1, 2, 3, 4, 5])
    expect(second.got.map(({ context }) => context.attempt)).toEqual(Array(6).fill(1))
    await first.connection.close()
    // It held nothing any more, and is forgotten.
    const consumers = (await plain.xinfo('CONSUMERS', `${prefix}e`, 'g')) as Array<Array<unknown>>
    expect(consumers.map((one) => one[1])).not.toContain('first.redis')
  })

  test('what there is no room for comes again after a pause, in the same process', async () => {
    const { plain, prefix, options } = place(url)
    const { connection, got } = await replica(options, [on('event', 'e')], { group: 'g' })
    await emit(connection, 'e', 1)
    await until('it arrives', () => got.length === 1)
    got[0]!.settle({ _tag: 'Refuse', because: 'overloaded', limit: 1 })
    await until('it arrives again', () => got.length === 2)
    expect(got[1]?.context.attempt).toBe(1)
    expect((await pendingOf(plain, `${prefix}e`, 'g')).map(([, , deliveries]) => deliveries)).toEqual([1])
  })

  test('of an event with two endpoints, each ends for itself; it is acknowledged when both have', async () => {
    const { plain, prefix, options } = place(url)
    const both = [on('event', 'e', { endpoint: 'e' }), on('event', 'e', { endpoint: 'e#2' })]
    const { connection, got } = await replica(options, both, { group: 'g' })
    await emit(connection, 'e', 1)
    await until('both are given it', () => got.length === 2)
    expect(got.map(({ subscription }) => subscription)).toEqual([0, 1])
    got[0]!.settle({ _tag: 'Ack' })
    await pause(50)
    expect(await pendingOf(plain, `${prefix}e`, 'g')).toHaveLength(1)
    const reason = { _tag: 'HandlerFailed', message: 'x', errorId: undefined, attempts: 1 } as const
    got[1]!.settle({ _tag: 'Retry', delayMs: 50, attempt: 2, reason: { ...reason, firstFailedAt: 1, lastFailedAt: 1 } })
    await until('it is acknowledged', async () => (await pendingOf(plain, `${prefix}e`, 'g')).length === 0)
    await until('it comes again', () => got.length === 3)
    expect(got[2]).toMatchObject({ subscription: 1, context: { attempt: 2 } })
    await pause(100)
    expect(got).toHaveLength(3)
  })

  test('a replica takes no more than it has room for, and leaves the rest to others', async () => {
    const { options } = place(url)
    const subscriptions = [on('event', 'e', { window: 3, concurrency: 3 })]
    const first = await replica(options, subscriptions, { group: 'g' })
    await emit(first.connection, 'e', 10)
    await pause(100)
    expect(first.got).toHaveLength(3)
    const second = await replica(options, subscriptions, { group: 'g' })
    await until('the second has its share', () => second.got.length === 3)
    first.got[0]!.settle({ _tag: 'Ack' })
    await until('a place that is free is taken', () => first.got.length === 4)
  })

  describe('a replica that is killed', () => {
    test('in the middle of a handler leaves its event to another', { timeout: 60_000 }, async () => {
      const here = place(url, { limits: { leaseMs: 1_000, reclaimMs: 200 } })
      const victim = spawned(here, 'hangs')
      await until('the victim is ready', () => victim.printed().includes('ready'))
      await here.plain.xadd(`${here.prefix}work`, '*', 'body', '1')
      await until('the victim starts', () => victim.printed().includes('started 1'))
      const heir = await replica(here.options, [on('event', 'work')], { group: 'victims' })
      victim.child.kill('SIGKILL')
      await until('another is given it', () => heir.got.length === 1)
      expect(heir.got[0]?.context).toMatchObject({ attempt: 2, deliveries: 2 })
      heir.got[0]!.settle({ _tag: 'Ack' })
    })

    test('by the same event again and again sets it aside in the end', { timeout: 60_000 }, async () => {
      const here = place(url)
      await here.plain.xgroup('CREATE', `${here.prefix}work`, 'victims', '$', 'MKSTREAM')
      await here.plain.xadd(`${here.prefix}work`, '*', 'body', '"poison"')
      for (let n = 1; n <= 3; n++) {
        const victim = spawned(here, 'dies')
        await until(`the victim dies for time ${n}`, () => victim.printed().includes(`started ${n}`), 30_000)
        await victim.ended
      }
      const last = spawned(here, 'dies')
      const dead = `{${here.prefix}work}:victims:dlq`
      await until('it is set aside', async () => (await here.plain.xlen(dead)) === 1, 30_000)
      expect(last.printed()).not.toContain('started')
      const [letter] = await here.plain.xrange(dead, '-', '+')
      expect(fieldsOf(letter![1])).toMatchObject({
        body: '"poison"',
        'taskwire-dead-reason': 'attempts-exhausted',
        'taskwire-dead-attempts': '3',
      })
      expect(await pendingOf(here.plain, `${here.prefix}work`, 'victims')).toEqual([])
    })
  })
})

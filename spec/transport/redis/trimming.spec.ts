/** How long events are kept: until every group has handled them, and not for ever; and what happens when they are taken away. */
import { describe, expect, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import { connected, on, outgoing, pause, pendingOf, place, published, replica, until } from './support.js'

const quick = { limits: { reclaimMs: 50, leaseMs: 10_000 } }

await withBroker('redis', (url) => {
  describe('a stream', () => {
    test('is trimmed below what every group has acknowledged, and never above', async () => {
      const { plain, prefix, options } = place(url, quick)
      const stream = `${prefix}e`
      const fast = await replica(options, [on('event', 'e')], { group: 'fast' })
      const slow = await replica(options, [on('event', 'e', { window: 2 })], { group: 'slow' })
      for (let n = 0; n < 6; n++) await published(fast.connection, outgoing('e', String(n)))
      await until('all arrive', () => fast.got.length === 6 && slow.got.length === 2)
      for (const one of fast.got) one.settle({ _tag: 'Ack' })
      await pause(300)
      expect(await plain.xlen(stream)).toBe(6)
      // The second is pending, the first is through: only that one may go.
      slow.got[0]!.settle({ _tag: 'Ack' })
      await until('the first is gone', async () => (await plain.xlen(stream)) === 5)
      await pause(200)
      expect(await plain.xlen(stream)).toBe(5)
      for (let n = 1; n < 6; n++) {
        await until(`number ${n} arrives`, () => slow.got.length > n)
        slow.got[n]!.settle({ _tag: 'Ack' })
      }
      expect(slow.got.map(({ body }) => Number(body))).toEqual([0, 1, 2, 3, 4, 5])
      await until('all are gone', async () => (await plain.xlen(stream)) === 0)
    })

    test('keeps what a group has not read yet whose service is not running', async () => {
      const { plain, prefix, options } = place(url, quick)
      const sleeping = await replica(options, [on('event', 'e')], { group: 'sleeping' })
      await sleeping.stop()
      await sleeping.connection.close()
      const awake = await replica(options, [on('event', 'e')], { group: 'awake' })
      for (let n = 0; n < 3; n++) await published(awake.connection, outgoing('e', String(n)))
      await until('all arrive', () => awake.got.length === 3)
      for (const one of awake.got) one.settle({ _tag: 'Ack' })
      await pause(300)
      expect(await plain.xlen(`${prefix}e`)).toBe(3)
      const back = await replica(options, [on('event', 'e')], { group: 'sleeping' })
      await until('all were kept', () => back.got.length === 3)
    })

    test('is not kept by a group that has been away for long; that is said once', async () => {
      const { plain, prefix, options } = place(url, { limits: { ...quick.limits, absentGroupMs: 1_000 } })
      await plain.xgroup('CREATE', `${prefix}e`, 'forgotten', '0', 'MKSTREAM')
      const lines: Array<string> = []
      const awake = await replica(options, [on('event', 'e')], { group: 'awake', log: (line) => lines.push(line) })
      await published(awake.connection, outgoing('e', '1'))
      await until('it arrives', () => awake.got.length === 1)
      awake.got[0]!.settle({ _tag: 'Ack' })
      await pause(200)
      expect(await plain.xlen(`${prefix}e`)).toBe(1)
      await until('it is gone', async () => (await plain.xlen(`${prefix}e`)) === 0)
      await pause(200)
      expect(lines.filter((line) => line.includes('forgotten'))).toHaveLength(1)
    })

    test('counts absence only while somebody has looked', async () => {
      const { plain, prefix, options } = place(url, { limits: { ...quick.limits, absentGroupMs: 10_000 } })
      await plain.xgroup('CREATE', `${prefix}e`, 'late', '0', 'MKSTREAM')
      // As if everything had been down for two days.
      const then = String(Date.now() - 2 * 86_400_000)
      await plain.hset(`{${prefix}e}:seen`, '', then, 'late', then)
      const awake = await replica(options, [on('event', 'e')], { group: 'awake' })
      await published(awake.connection, outgoing('e', '1'))
      await until('it arrives', () => awake.got.length === 1)
      awake.got[0]!.settle({ _tag: 'Ack' })
      await until('it was looked at', async () => (await plain.hget(`{${prefix}e}:seen`, '')) !== then)
      await pause(200)
      expect(await plain.xlen(`${prefix}e`)).toBe(1)
    })

    test('that is full refuses what comes, and takes it once there is room', async () => {
      const { plain, prefix, options } = place(url, { ...quick, maxLength: 10 })
      const { connection, got } = await replica(options, [on('event', 'e', { window: 100 })], { group: 'g' })
      for (let n = 0; n < 10; n++)
        expect(await published(connection, outgoing('e', String(n)))).toEqual({ _tag: 'Accepted' })
      expect(await published(connection, outgoing('e', '10'))).toEqual({
        _tag: 'Failing',
        error: { _tag: 'Overloaded', limit: 10 },
        processed: 'no',
        retryAfterMs: 100,
      })
      expect(await plain.xlen(`${prefix}e`)).toBe(10)
      await until('all arrive', () => got.length === 10)
      for (const one of got) one.settle({ _tag: 'Ack' })
      await until('there is room', async () => {
        return (await published(connection, outgoing('e', '10')))._tag === 'Accepted'
      })
    })

    test('that nobody hears keeps no more than its bound, and refuses nothing', async () => {
      const { plain, prefix, options } = place(url, { maxLength: 100 })
      const sender = await connected(options)
      for (let n = 0; n < 500; n++)
        expect(await published(sender, outgoing('unheard', String(n)))).toEqual({ _tag: 'Accepted' })
      expect(await plain.xlen(`${prefix}unheard`)).toBeLessThan(300)
      const mandatory = await published(sender, outgoing('unheard', '1', { mandatory: true }))
      expect(mandatory).toMatchObject({ error: { _tag: 'NoHandler', pattern: 'unheard' }, processed: 'no' })
    })
  })

  test('what was removed before it was handled is reported as lost, and not waited for', async () => {
    const { plain, prefix, options } = place(url, { limits: { leaseMs: 200, reclaimMs: 50 } })
    const stream = `${prefix}e`
    await plain.xgroup('CREATE', stream, 'g', '$', 'MKSTREAM')
    for (let n = 0; n < 3; n++) await plain.xadd(stream, '*', 'body', String(n))
    await plain.xreadgroup('GROUP', 'g', 'died', 'STREAMS', stream, '>')
    await plain.xtrim(stream, 'MAXLEN', 1)
    const lines: Array<string> = []
    const { connection, got } = await replica(options, [on('event', 'e')], {
      group: 'g',
      log: (line) => lines.push(line),
    })
    await until('what is left arrives', () => got.length === 1)
    expect(String(got[0]?.body)).toBe('2')
    got[0]!.settle({ _tag: 'Ack' })
    await until('nothing is pending', async () => (await pendingOf(plain, stream, 'g')).length === 0)
    expect(lines).toEqual([`redis: 2 entries of ${stream} were removed before g had handled them`])
    expect(connection.lost?.()).toBe(2)
  })

  test('what was removed before anybody had read it is reported as lost, once', async () => {
    const { plain, prefix, options } = place(url, { limits: { leaseMs: 200, reclaimMs: 50 } })
    const stream = `${prefix}e`
    const lines: Array<string> = []
    const given = { group: 'g', log: (line: string) => void lines.push(line) }
    const before = await replica(options, [on('event', 'e')], given)
    await published(before.connection, outgoing('e', 'first'))
    await until('it arrives', () => before.got.length === 1)
    before.got[0]!.settle({ _tag: 'Ack' })
    await until('nothing is pending', async () => (await pendingOf(plain, stream, 'g')).length === 0)
    await before.connection.close()
    for (let n = 0; n < 5; n++) await plain.xadd(stream, '*', 'body', String(n))
    await plain.xtrim(stream, 'MAXLEN', 2)
    const { connection, got } = await replica(options, [on('event', 'e')], given)
    await until('what is left arrives', () => got.length === 2)
    for (const one of got) one.settle({ _tag: 'Ack' })
    await until('it is reported', () => lines.length > 0)
    // n.b. a second time, and once more in a process that has not seen the first
    await plain.xadd(stream, 'MAXLEN', 0, '*', 'body', '5')
    await until('it is reported again', () => lines.length > 1)
    await connection.close()
    const after = await replica(options, [on('event', 'e')], given)
    await pause(500)
    expect(lines).toEqual(
      [3, 1].map((count) => `redis: ${count} entries of ${stream} were removed before g had handled them`),
    )
    expect([connection.lost?.(), after.connection.lost?.()]).toEqual([4, 0])
  })

  test('what a replica holds while it is removed is handled all the same', async () => {
    const { plain, prefix, options } = place(url, { limits: { leaseMs: 300, reclaimMs: 50 } })
    const { connection, got } = await replica(options, [on('event', 'e')], { group: 'g' })
    await published(connection, outgoing('e', '1'))
    await until('it arrives', () => got.length === 1)
    await plain.xtrim(`${prefix}e`, 'MAXLEN', 0)
    await pause(1_000)
    expect(connection.lost?.()).toBe(0)
    const settlement = { _tag: 'AttemptsExhausted', message: '', errorId: undefined, attempts: 1 } as const
    got[0]!.settle({ _tag: 'DeadLetter', reason: { ...settlement, firstFailedAt: 1, lastFailedAt: 1 } })
    await until('it is set aside', async () => (await plain.xlen(`{${prefix}e}:g:dlq`)) === 1)
  })

  test('a stream that is deleted is made again with its group, and misses nothing that comes after', async () => {
    const { plain, prefix, options } = place(url)
    const lines: Array<string> = []
    const { connection, got } = await replica(options, [on('event', 'e'), on('message', 'm')], {
      group: 'g',
      log: (line) => lines.push(line),
    })
    for (let round = 0; round < 3; round++) {
      await plain.del(`${prefix}e`, `{${prefix}e}:g:retry`, `{${prefix}m}:requests`)
      await published(connection, outgoing('e', String(round)))
      await until(`event ${round} arrives`, () => got.filter(({ subscription }) => subscription === 0).length > round)
      connection.request(outgoing('m', String(round)), () => undefined)
      await until(`request ${round} arrives`, () => got.filter(({ subscription }) => subscription === 1).length > round)
    }
    expect(lines.some((line) => line.includes('is made again'))).toBe(true)
  })

  test('a key that holds something else keeps a service from starting', async () => {
    const { plain, prefix, options } = place(url)
    await plain.set(`${prefix}e`, 'text')
    const connection = await connected(options, { group: 'g' })
    const started = await connection.subscribe([on('event', 'e')], () => undefined)()
    const message = `cannot subscribe to ${prefix}e: the key holds something else`
    expect(started).toEqual({ _tag: 'Left', left: { _tag: 'TopologyMismatch', message } })
  })

  test('consumers that are gone are not forgotten while something is pending for them', async () => {
    const { plain, prefix, options } = place(url)
    const first = await replica(options, [on('event', 'e')], { group: 'g', instance: 'first' })
    await published(first.connection, outgoing('e', '1'))
    await until('it arrives', () => first.got.length === 1)
    await first.connection.close()
    expect(await pendingOf(plain, `${prefix}e`, 'g')).toMatchObject([[first.got[0]?.context.entryId, 'first.redis', 1]])
  })
})

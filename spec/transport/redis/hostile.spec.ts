/** What nobody should write to Redis, and what comes of it: nothing is lost, multiplied or held up by it. */
import { expect, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import { asked, on, outgoing, pause, pendingOf, place, published, reason, replica, until } from './support.js'

const again = { _tag: 'Retry', attempt: 2, delayMs: 10, reason: reason() } as const

await withBroker('redis', (url) => {
  test('an entry of thousands of fields is retried as any other: counted, and for its endpoint alone', async () => {
    const { plain, prefix, options } = place(url)
    const both = [on('event', 'e'), on('event', 'e', { endpoint: 'e#2' })]
    const { got } = await replica(options, both, { group: 'g' })
    const many = Array.from({ length: 6_000 }, (_, n) => [`f${n}`, 'v']).flat()
    const id = await plain.xadd(`${prefix}e`, '*', 'body', '1', ...many)
    await until('both are given it', () => got.length === 2)
    got[0]!.settle({ _tag: 'Ack' })
    got[1]!.settle(again)
    await until('it comes again', () => got.length === 3)
    await pause(100)
    expect(got).toHaveLength(3)
    expect(got[2]).toMatchObject({ subscription: 1, context: { attempt: 2, messageId: `${prefix}e/${id}` } })
  })

  test('fields of a dead letter are those that the service has written, whatever its event says', async () => {
    const { plain, prefix, options } = place(url)
    const { got } = await replica(options, [on('event', 'e')], { group: 'g' })
    await plain.xadd(`${prefix}e`, '*', 'body', '1', 'taskwire-dead-endpoint', 'other', 'mine', 'kept')
    await until('it arrives', () => got.length === 1)
    got[0]!.settle({ _tag: 'DeadLetter', reason: reason() })
    const dead = `{${prefix}e}:g:dlq`
    await until('it is set aside', async () => (await plain.xlen(dead)) === 1)
    const flat = (await plain.xrange(dead, '-', '+'))[0]![1]
    const endpoints = flat.filter((_, i) => flat[i - 1] === 'taskwire-dead-endpoint')
    expect(endpoints).toEqual(['e'])
    expect(flat).toContain('kept')
  })

  test('a retry that nobody can read holds up no other, and is handed out as it lies there', async () => {
    const { plain, prefix, options } = place(url)
    const { connection, got } = await replica(options, [on('event', 'e')], { group: 'g' })
    const delayed = `{${prefix}e}:g:delayed`
    // Text, a map, a list of three, a list that holds a list, half a list.
    const unreadable = ['no list', '\x81\xa1a\xa1b', '\x93\xa1a\xa1b\xa1c', '\x92\xa1a\x91\xa1b', '\x92\xa1a']
    for (const one of unreadable) await plain.zadd(delayed, '1', Buffer.from(one, 'latin1'))
    await until('they are handed out', () => got.length === unreadable.length)
    expect(got.map(({ body }) => Buffer.from(body).toString('latin1')).sort()).toEqual([...unreadable].sort())
    await published(connection, outgoing('e', '1'))
    await until('an event arrives', () => got.length === 6)
    got[5]!.settle(again)
    await until('it comes again', () => got.length === 7)
    expect(got[6]?.context.attempt).toBe(2)
  })

  test('a dead letter is not written again and again where its event cannot be acknowledged', async () => {
    const { plain, prefix, options } = place(url)
    const stream = `${prefix}e`
    const { connection, got } = await replica(options, [on('event', 'e')], { group: 'g' })
    await published(connection, outgoing('e', '1'))
    await until('it arrives', () => got.length === 1)
    await plain.set(stream, 'no stream')
    got[0]!.settle({ _tag: 'DeadLetter', reason: reason() })
    await pause(500)
    expect(await plain.exists(`{${stream}}:g:dlq`)).toBe(0)
    await plain.del(stream)
    await until('it is written', async () => (await plain.xlen(`{${stream}}:g:dlq`)) === 1)
    await pause(100)
    expect(await plain.xlen(`{${stream}}:g:dlq`)).toBe(1)
    await until('the group is made again', () =>
      pendingOf(plain, stream, 'g').then(
        () => true,
        () => false,
      ),
    )
  })

  test('requests that were read do not stay in Redis', async () => {
    const { plain, prefix, options } = place(url, { limits: { presenceMs: 300 } })
    const { connection, got } = await replica(options, [on('message', 'ask')], { group: 'g' })
    const stream = `{${prefix}ask}:requests`
    for (let n = 0; n < 5; n++) {
      const reply = asked(connection, outgoing('ask', String(n)))
      await until('it arrives', () => got.length === n + 1)
      got[n]!.settle({ _tag: 'Reply', status: 'ok', body: '' })
      expect(await reply).toMatchObject({ _tag: 'Reply' })
    }
    await until('all but the last are gone', async () => (await plain.xlen(stream)) <= 1)
    const reply = asked(connection, outgoing('ask', '5'))
    await until('the next arrives', () => got.length === 6)
    got[5]!.settle({ _tag: 'Reply', status: 'ok', body: '' })
    expect(await reply).toMatchObject({ _tag: 'Reply' })
  })
})

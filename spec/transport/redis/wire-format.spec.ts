/** What lies in Redis, and that programs which know nothing of this library can write and read it. */
import { inspect } from 'node:util'
import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice } from 'taskwire'
import { describe, expect, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import {
  asked,
  caller,
  connected,
  fieldsOf,
  on,
  outgoing,
  pause,
  pendingOf,
  place,
  published,
  reason,
  replica,
  serve,
  until,
} from './support.js'

await withBroker('redis', (url) => {
  describe('an event in Redis', () => {
    test('is its payload as `body`, CloudEvents attributes, and the headers of the user', async () => {
      const { plain, prefix, options } = place(url)
      const sender = await connected(options, { group: 'shop 1' })
      const headers = { traceparent: '00-0-0-00', 'X-Own': 'ü', body: 'a header', ce_id: 'forged', 'content-type': 'x' }
      const message = outgoing('order.paid', '{"n":1}', {
        messageId: 'm-1',
        correlationId: 'c-1',
        causationId: 'c-0',
        key: 'k',
        headers,
      })
      expect(await published(sender, message)).toEqual({ _tag: 'Accepted' })
      const [entry] = await plain.xrange(`${prefix}order.paid`, '-', '+')
      const flat = entry![1]
      expect(flat.slice(0, 2)).toEqual(['body', '{"n":1}'])
      expect(fieldsOf(flat.slice(2))).toEqual({
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_id: 'm-1',
        ce_type: 'order.paid',
        ce_source: '/shop%201',
        ce_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
        ce_correlationid: 'c-1',
        ce_causationid: 'c-0',
        ce_partitionkey: 'k',
        traceparent: '00-0-0-00',
        'X-Own': 'ü',
        body: 'a header',
        'taskwire-header-ce_id': 'forged',
        'taskwire-header-content-type': 'x',
      })
      const { got } = await replica({ ...options, startAt: 'beginning' }, [on('event', 'order.paid')])
      await until('it arrives', () => got.length === 1)
      expect(got[0]?.context).toMatchObject({
        transport: 'redis',
        pattern: 'order.paid',
        messageId: 'm-1',
        correlationId: 'c-1',
        causationId: { _tag: 'Some', value: 'c-0' },
        attempt: 1,
        deliveries: 1,
        stream: `${prefix}order.paid`,
        entryId: entry![0],
      })
      expect({ ...got[0]?.context.headers }).toEqual(headers)
      expect(got[0]?.key).toBe('k')
    })

    test('without a payload has a `body` of no bytes', async () => {
      const { plain, prefix, options } = place(url)
      await published(await connected(options), outgoing('nothing', ''))
      const [entry] = await plain.xrange(`${prefix}nothing`, '-', '+')
      expect(entry![1].slice(0, 2)).toEqual(['body', ''])
    })

    test.each([
      ['the field `body` alone', ['body', '{"n":1}']],
      ['any one field', ['data', '{"n":1}']],
      ['`body` among others', ['type', 'x', 'body', '{"n":1}', '__proto__', 'y']],
    ])('that a foreign program wrote with %s is handled', async (_, fields) => {
      const { plain, prefix, options } = place(url)
      const seen: Array<unknown> = []
      await serve(
        createMicroservice('hears').onEvent('foreign', t.type({ n: t.number }), (payload, context) =>
          TE.fromIO(() => {
            seen.push([payload, context.messageId, context.correlationId])
          }),
        ),
        options,
      )
      const id = await plain.xadd(`${prefix}foreign`, '*', ...fields)
      await until('it is handled', () => seen.length === 1)
      const place_ = `${prefix}foreign/${String(id)}`
      expect(seen).toEqual([[{ n: 1 }, place_, place_]])
    })

    test('that a foreign program wrote in a way that cannot be read is set aside with all of its fields', async () => {
      const { plain, prefix, options } = place(url)
      await serve(
        createMicroservice('hears').onEvent('foreign', t.type({ n: t.number }), () => TE.right(undefined)),
        options,
      )
      await plain.xadd(`${prefix}foreign`, '*', 'n', '1', 'm', '2')
      const dead = `{${prefix}foreign}:hears:dlq`
      await until('it is set aside', async () => (await plain.xlen(dead)) === 1)
      const [letter] = await plain.xrange(dead, '-', '+')
      expect(fieldsOf(letter![1])).toMatchObject({
        body: '',
        n: '1',
        m: '2',
        'taskwire-dead-reason': 'invalid-payload',
      })
    })

    test('that is too large is set aside, and the next is handled', async () => {
      const { plain, prefix, options } = place(url)
      const { got } = await replica(options, [on('event', 'large')], { group: 'g' })
      await plain.xadd(`${prefix}large`, '*', 'body', 'x'.repeat(1_048_577))
      await plain.xadd(`${prefix}large`, '*', 'body', '1', 'h', 'x'.repeat(70_000))
      await plain.xadd(`${prefix}large`, '*', ...Array.from({ length: 10_000 }, (_, i) => `f${i}`))
      await plain.xadd(`${prefix}large`, '*', 'body', '1')
      await until('the last arrives', () => got.some(({ body }) => body.length === 1))
      await until('two are set aside', async () => (await plain.xlen(`{${prefix}large}:g:dlq`)) === 2)
    })

    test('reaches a foreign consumer group', async () => {
      const { plain, prefix, options } = place(url)
      await plain.xgroup('CREATE', `${prefix}told`, 'others', '$', 'MKSTREAM')
      expect(await caller(options).emit('told', { n: 1 })()).toMatchObject({ _tag: 'Right' })
      const read = (await plain.xreadgroup(
        'GROUP',
        'others',
        'me',
        'COUNT',
        10,
        'STREAMS',
        `${prefix}told`,
        '>',
      )) as Array<[string, Array<[string, Array<string>]>]>
      expect(fieldsOf(read[0]![1][0]![1])).toMatchObject({ body: '{"n":1}', ce_type: 'told' })
    })
  })

  test('what a call fails with tells nothing of its payload', async () => {
    const { plain, prefix, options } = place(url)
    await plain.set(`${prefix}e`, 'text')
    await plain.set(`{${prefix}m}:requests`, 'text')
    const sender = await connected(options)
    for (const answer of [
      await published(sender, outgoing('e', '"secret"', { headers: { h: 'secret' } })),
      await asked(sender, outgoing('m', '"secret"', { headers: { h: 'secret' } })),
    ]) {
      expect(answer).toMatchObject({ error: { _tag: 'TransportFailed' }, processed: 'no', retryAfterMs: undefined })
      expect(inspect(answer, { depth: 10, showHidden: true })).not.toContain('secret')
    }
  })

  test('is the same for a driver that speaks the older protocol', async () => {
    const { options } = place(url, { ioredis: { protocol: 2 }, limits: { heartbeatMs: 500 } })
    const seen: Array<unknown> = []
    const running = await serve(
      createMicroservice('older')
        .onEvent('e', t.unknown, (payload) => TE.fromIO(() => void seen.push(payload)))
        .onMessage('m', t.unknown, (payload) => TE.right(payload)),
      options,
    )
    const client = caller(options)
    expect(await client.send('m', [1], t.unknown)()).toEqual({ _tag: 'Right', right: [1] })
    expect(await client.emit('e', [2])()).toMatchObject({ _tag: 'Right' })
    await until('it is handled', () => seen.length === 1)
    // A sign of life later.
    await pause(800)
    expect(running.health().ready).toBe(true)
    expect(await client.send('m', [3], t.unknown)()).toEqual({ _tag: 'Right', right: [3] })
    expect(seen).toEqual([[2]])
  })

  test('a retry waits in the sorted set of its group and comes back in the stream of its group', async () => {
    const { plain, prefix, options } = place(url)
    const { connection, got } = await replica(options, [on('event', 'try')], { group: 'a b' })
    await published(connection, outgoing('try', '1', { messageId: 'm', headers: { h: 'v' } }))
    await until('it arrives', () => got.length === 1)
    const origin = `${prefix}try/${got[0]!.context.entryId}`
    got[0]!.settle({ _tag: 'Retry', delayMs: 300, attempt: 2, reason: reason() })
    const own = `{${prefix}try}:a-20b`
    await until('it waits', async () => (await plain.zcard(`${own}:delayed`)) === 1)
    expect(await pendingOf(plain, `${prefix}try`, 'a-20b')).toEqual([])
    await until('it comes back', () => got.length === 2)
    expect(await plain.zcard(`${own}:delayed`)).toBe(0)
    expect(got[1]?.context).toMatchObject({ messageId: 'm', attempt: 2, stream: `${own}:retry`, headers: { h: 'v' } })
    expect(got[1]?.firstFailedAt).toBe(1_700_000_000_000)
    const [again] = await plain.xrange(`${own}:retry`, '-', '+')
    expect(fieldsOf(again![1])).toMatchObject({
      'taskwire-endpoint': 'try',
      'taskwire-attempt': '2',
      'taskwire-origin': origin,
    })
    got[1]!.settle({ _tag: 'Ack' })
    await until('nothing of it is left', async () => (await plain.xlen(`${own}:retry`)) === 0)
  })

  test('a dead letter keeps the bytes of its event and says why', async () => {
    const { plain, prefix, options } = place(url)
    const body = Buffer.from([0, 255, 10, 13])
    const { connection, got } = await replica(options, [on('event', 'die', { endpoint: 'die#2' })], { group: 'g' })
    await published(connection, outgoing('die', '', { body, messageId: 'm', key: 'k', headers: { h: 'v' } }))
    await until('it arrives', () => got.length === 1)
    const origin = `${prefix}die/${got[0]!.context.entryId}`
    got[0]!.settle({ _tag: 'DeadLetter', reason: reason('AttemptsExhausted', 3) })
    const dead = `{${prefix}die}:g:dlq`
    await until('it is set aside', async () => (await plain.xlen(dead)) === 1)
    const [letter] = await plain.xrangeBuffer(dead, '-', '+')
    expect(letter![1][1]).toEqual(body)
    expect(fieldsOf(letter![1].map(String))).toMatchObject({
      ce_id: 'm',
      ce_partitionkey: 'k',
      h: 'v',
      'taskwire-dead-reason': 'attempts-exhausted',
      'taskwire-dead-attempts': '3',
      'taskwire-dead-source': origin,
      'taskwire-dead-endpoint': 'die#2',
      'taskwire-dead-service': 'g',
      'taskwire-dead-pattern': 'die',
    })
    expect(await pendingOf(plain, `${prefix}die`, 'g')).toEqual([])
  })

  test('a dead letter with a destination of its own goes there', async () => {
    const { plain, prefix, options } = place(url)
    const { connection, got } = await replica(options, [on('event', 'die')], { group: 'g' })
    await published(connection, outgoing('die', '1'))
    await until('it arrives', () => got.length === 1)
    got[0]!.settle({ _tag: 'DeadLetter', reason: reason(), to: 'the morgue' })
    await until('it is there', async () => (await plain.xlen(`${prefix}the-20morgue`)) === 1)
    await until('it is acknowledged', async () => (await pendingOf(plain, `${prefix}die`, 'g')).length === 0)
  })

  describe('a request in Redis', () => {
    test('is answered to a foreign program that subscribes to a channel of replies', async () => {
      const { plain, prefix, options } = place(url)
      await serve(
        createMicroservice('sums').onMessage('sum', t.array(t.number), (all) =>
          TE.right(all.reduce((a, b) => a + b, 0)),
        ),
        options,
      )
      const listener = plain.duplicate()
      const replies: Array<string> = []
      listener.on('message', (_, message: string) => replies.push(message))
      await listener.subscribe(`${prefix}replies:foreign-1`)
      const ask = ['body', '[1,2]', 'taskwire-request', `7 ${prefix}replies:foreign-1`]
      await plain.xadd(`{${prefix}sum}:requests`, '*', ...ask)
      await until('it is answered', () => replies.length === 1)
      const [head, body] = replies[0]!.split('\n')
      expect(head).toBe('7 ok')
      expect(body).toBe('3')
      listener.disconnect()
    })

    test('says where its reply goes, and how long it is waited for', async () => {
      const { plain, prefix, options } = place(url)
      const { got, connection } = await replica(options, [on('message', 'ask')], { instance: 'ab12' })
      const answer = asked(connection, outgoing('ask', '1', { timeoutMs: 5_000 }))
      await until('it arrives', () => got.length === 1)
      const [entry] = await plain.xrange(`{${prefix}ask}:requests`, '-', '+')
      const fields = fieldsOf(entry![1])
      expect(Object.keys(fields)).toEqual(['body', 'taskwire-request', 'ce_id'])
      const [call, replyTo, timeout, deadline] = fields['taskwire-request']!.split(' ')
      expect(replyTo).toBe(`${prefix}replies:ab12--many`)
      expect(Number(timeout)).toBeLessThanOrEqual(5_000)
      expect(Math.abs(Number(deadline) - Date.now() - 5_000)).toBeLessThan(2_000)
      expect(call).toMatch(/^[0-9a-f]{32}$/)
      got[0]!.settle({ _tag: 'Reply', status: 'error', body: '"no"' })
      expect(await answer).toEqual({ _tag: 'Reply', status: 'error', body: Buffer.from('"no"') })
    })

    test('with a channel that is none of replies is answered nowhere', async () => {
      const { plain, prefix, options } = place(url)
      const { got } = await replica(options, [on('message', 'ask')])
      const listener = plain.duplicate()
      const heard: Array<string> = []
      listener.on('pmessage', (_, channel: string) => heard.push(channel))
      await listener.psubscribe('*')
      for (const channel of [
        `${prefix}other`,
        'replies:x',
        `${prefix}replies:`,
        `${prefix}replies:a_b`,
        `${prefix}replies:a`,
      ])
        await plain.xadd(`{${prefix}ask}:requests`, '*', 'body', '1', 'taskwire-request', `1 ${channel}`)
      await until('all arrive', () => got.length === 5)
      for (const one of got) one.settle({ _tag: 'Reply', status: 'ok', body: '' })
      await until('the last is answered', () => heard.includes(`${prefix}replies:a`))
      expect(heard.filter((channel) => channel.includes(prefix))).toEqual([`${prefix}replies:a`])
      listener.disconnect()
    })
  })

  test('what is no reply on the channel of replies is passed over', async () => {
    const { plain, prefix, options } = place(url)
    const { got, connection } = await replica(options, [on('message', 'ask')], { instance: 'cd34' })
    const answer = asked(connection, outgoing('ask', '1'))
    await until('it arrives', () => got.length === 1)
    const [entry] = await plain.xrange(`{${prefix}ask}:requests`, '-', '+')
    const call = fieldsOf(entry![1])['taskwire-request']!.split(' ')[0]!
    for (const junk of ['', '\n', '{}\n', 'null\nx', '[1]\n', ' ok\n', `${call}x ok\nx`, `${call} ok  9\nx`])
      await plain.publish(`${prefix}replies:cd34--many`, junk)
    got[0]!.settle({ _tag: 'Reply', status: 'ok', body: '"yes"' })
    expect(await answer).toMatchObject({ _tag: 'Reply', status: 'ok' })
  })
})

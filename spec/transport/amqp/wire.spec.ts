/** What other programs see of us, and what they may send. */
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice, delays } from 'taskwire'
import type { AmqpContext } from 'taskwire/amqp'
import { expect, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import { place, right, until } from './support.js'

const collector = (name: string, pattern: string, seen: Array<{ payload: unknown; context: AmqpContext }>) =>
  createMicroservice(name).onEvent(pattern, t.unknown, (payload, context) =>
    TE.fromIO(() => void seen.push({ payload, context: context as unknown as AmqpContext })),
  )

await withBroker('amqp', (url) => {
  test('an event is a persistent message of the topic exchange, and a CloudEvent in binary mode', async () => {
    const { caller, overhear, serve, prefix } = await place(url)
    await serve(collector('any', 'x', []))
    const heard = await overhear(`${prefix}taskwire.events`, '#')
    const result = await caller().emit(
      'orders.placed',
      { n: 1 },
      { messageId: 'id-1', key: 'k', headers: { 'X-Own': 'ü', CC: 'me', ce_id: 'mine' } },
    )()
    right(result)
    await until('the message is there', () => heard.length === 1)
    const [{ fields, properties, content }] = heard as [(typeof heard)[0]]
    expect(content.toString()).toBe('{"n":1}')
    expect(fields.routingKey).toBe('orders.placed')
    expect(properties).toMatchObject({
      messageId: 'id-1',
      contentType: 'application/json',
      type: 'orders.placed',
      appId: 'caller',
      deliveryMode: 2,
      replyTo: undefined,
      expiration: undefined,
    })
    expect(properties.timestamp).toBeTypeOf('number')
    expect(properties.headers).toMatchObject({
      'X-Own': 'ü',
      'taskwire-header-CC': 'me',
      'taskwire-header-ce_id': 'mine',
      cloudEvents_specversion: '1.0',
      cloudEvents_id: 'id-1',
      cloudEvents_type: 'orders.placed',
      cloudEvents_source: '/caller',
      cloudEvents_partitionkey: 'k',
    })
    expect(properties.headers).not.toHaveProperty('CC')
  })

  test('headers that the broker would act on arrive as they were sent', async () => {
    const { caller, serve } = await place(url)
    const seen: Array<{ payload: unknown; context: AmqpContext }> = []
    await serve(collector('odd', 'odd', seen))
    const headers = { CC: 'a', BCC: 'b', 'x-death': 'c', 'x-delivery-count': '9', constructor: 'd' }
    right(await caller().emit('odd', 1, { headers })())
    await until('it arrives', () => seen.length === 1)
    expect({ ...seen[0]!.context.headers }).toEqual(headers)
    expect(seen[0]!.context.attempt).toBe(1)
  })

  test('a request lives as long as its caller waits, and is answered by direct reply', async () => {
    const { caller, overhear, serve, prefix } = await place(url)
    await serve(createMicroservice('sums').onMessage('sum', t.number, (n) => TE.right(n + 1), { reply: t.number }))
    const heard = await overhear(`${prefix}taskwire.requests`, 'sum')
    expect(right(await caller().send('sum', 1, t.number, { timeout: 5_000 })())).toBe(2)
    const { properties } = heard[0]!
    expect(properties.replyTo).toMatch(/^amq\.rabbitmq\.reply-to\./)
    expect(properties.correlationId).toMatch(/^[0-9a-f]{32}$/)
    expect(properties.deliveryMode).toBe(1)
    const expiration = Number(properties.expiration)
    expect(expiration > 3_000 && expiration <= 5_000).toBe(true)
    expect(properties.headers).toMatchObject({ 'taskwire-timeout': properties.expiration })
  })

  test('a foreign program asks with nothing but a body, a reply address and a correlation id', async () => {
    const { listen, serve, prefix } = await place(url)
    await serve(createMicroservice('sums').onMessage('sum', t.number, (n) => TE.right(n + 1), { reply: t.number }))
    const reply = await listen(
      (channel) =>
        new Promise<{ body: string; status: unknown; correlationId: unknown }>((resolve) => {
          void channel
            .consume(
              'amq.rabbitmq.reply-to',
              (message) =>
                resolve({
                  body: String(message?.content),
                  status: message?.properties.headers?.['taskwire-status'],
                  correlationId: message?.properties.correlationId,
                }),
              { noAck: true },
            )
            .then(() =>
              channel.publish(`${prefix}taskwire.requests`, 'sum', Buffer.from('41'), {
                replyTo: 'amq.rabbitmq.reply-to',
                correlationId: 'mine',
              }),
            )
        }),
    )
    expect(reply).toEqual({ body: '42', status: 'ok', correlationId: 'mine' })
  })

  test('a plain body from a foreign program is an event of its routing key', async () => {
    const { aside, serve, prefix } = await place(url)
    const seen: Array<{ payload: unknown; context: AmqpContext }> = []
    await serve(collector('foreign', 'orders.*', seen))
    await aside(async (channel) => {
      channel.publish(`${prefix}taskwire.events`, 'orders.placed', Buffer.from('{"n":1}'))
      channel.publish(`${prefix}taskwire.events`, 'orders.paid', Buffer.from('null'), {
        headers: { text: 'a', number: 7, flag: true, list: [1], table: { a: 1 }, nothing: null },
        type: 'OrderPaid',
        replyTo: 'elsewhere',
      })
      await channel.waitForConfirms()
    })
    await until('both arrive', () => seen.length === 2)
    const placed = seen.find(({ context }) => context.routingKey === 'orders.placed')!
    const paid = seen.find(({ context }) => context.routingKey === 'orders.paid')!
    expect(placed.payload).toEqual({ n: 1 })
    expect(placed.context).toMatchObject({
      pattern: 'orders.placed',
      attempt: 1,
      redelivered: false,
      transport: 'amqp',
    })
    expect(placed.context.messageId).toMatch(/^[0-9a-f]{32}$/)
    expect(placed.context.exchange).toBe(`${prefix}taskwire.events`)
    expect(paid.context.pattern).toBe('orders.paid')
    expect({ ...paid.context.headers }).toEqual({ text: 'a', number: '7', flag: 'true' })
  })

  test('hostile messages are settled, and take nothing down', async () => {
    const { aside, caller, serve, prefix, letters } = await place(url)
    const seen: Array<{ payload: unknown; context: AmqpContext }> = []
    const hostile = collector('hostile', 'h', seen).onMessage('ask', t.unknown, () => TE.right(1), { reply: t.number })
    const running = await serve(hostile)
    const events = `${prefix}taskwire.events`
    const headers = { 'taskwire-attempt': 'x', 'taskwire-rest': '-1', 'taskwire-pattern': '#', cloudEvents_id: 5 }
    await aside(async (channel) => {
      channel.publish(events, 'h', Buffer.from('"1"'), { headers, contentEncoding: 'gzip', priority: 9 })
      channel.publish(events, 'h', Buffer.alloc(2 * 1_048_576, 32))
      channel.publish(events, 'h', Buffer.from('{"a":'), { headers: { big: 'x'.repeat(60_000), CC: ['other'] } })
      channel.publish(events, 'h', Buffer.from('"2"'), { headers: { many: Array.from({ length: 2_000 }, String) } })
      for (const replyTo of ['amq.rabbitmq.reply-to.nonsense', `${prefix}taskwire.event:hostile:h`, 'x'.repeat(255)])
        channel.publish(`${prefix}taskwire.requests`, 'ask', Buffer.from('1'), { replyTo })
      await channel.waitForConfirms()
    })
    await until('two are handled', () => seen.length === 2)
    const look = letters(hostile).list()
    let found = right(await look())
    for (let looks = 0; found.length < 2 && looks < 1_000; looks++) found = right(await look())
    expect(found.map(({ reason }) => reason._tag)).toEqual(['InvalidPayload', 'InvalidPayload'])
    expect(right(await caller().send('ask', 1, t.number)())).toBe(1)
    expect(running.health().ready).toBe(true)
    expect(seen.length).toBe(2)
  })

  test('a queue gets what an old binding brings, and what does not match is dropped', async () => {
    const { aside, caller, serve, prefix, letters } = await place(url)
    const seen: Array<{ payload: unknown; context: AmqpContext }> = []
    await serve(collector('bound', '{"a":"x.*.y"}', seen))
    const bound = createMicroservice('bound').onEvent({ a: 'x.*.y' }, t.unknown, (payload, context) =>
      TE.fromIO(() => void seen.push({ payload, context: context as unknown as AmqpContext })),
    )
    await serve(bound)
    await aside(async (channel) => {
      channel.publish(`${prefix}taskwire.events`, '{"a":"x.z.y"}', Buffer.from('1'))
      await channel.waitForConfirms()
    })
    right(await caller().emit({ a: 'x.*.y' }, 2)())
    await until('the right one arrives', () => seen.length === 1)
    expect(seen.map(({ payload }) => payload)).toEqual([2])
    expect(right(await letters(bound).list()())).toEqual([])
  })

  test('a dead letter keeps bytes and headers, says why, and can be moved back by any tool', async () => {
    const { aside, caller, serve, prefix } = await place(url)
    const starts: Array<number> = []
    let well = false
    await serve(
      createMicroservice('burying', { retry: delays(20), classify: () => 'retryable' }).onEvent(
        'bury',
        t.unknown,
        (_, { attempt }) =>
          () => {
            starts.push(attempt)
            return Promise.resolve(well ? E.right(undefined) : E.left('no'))
          },
      ),
    )
    right(await caller().emit('bury', { n: 1 }, { messageId: 'one', headers: { own: 'header' } })())
    const queue = `${prefix}taskwire.event:burying:bury`
    await until('it has failed', () => starts.length === 2)
    const letter = await aside(async (channel) => {
      for (;;) {
        const message = await channel.get(`${queue}:dead`, { noAck: true })
        if (message !== false) return message
      }
    })
    expect(letter.content.toString()).toBe('{"n":1}')
    expect(letter.properties.messageId).toBe('one')
    expect(letter.properties.headers).toMatchObject({
      own: 'header',
      cloudEvents_id: 'one',
      'taskwire-dead-reason': 'attempts-exhausted',
      'taskwire-dead-attempts': '2',
      'taskwire-dead-source': queue,
      'taskwire-dead-pattern': 'bury',
      'taskwire-dead-service': 'burying',
    })
    well = true
    await aside(async (channel) => {
      channel.sendToQueue(queue, letter.content, { ...letter.properties, headers: letter.properties.headers })
      await channel.waitForConfirms()
    })
    await until('it is handled', () => starts.length === 3)
    expect(starts).toEqual([1, 2, 1])
  })

  test('longer delays wait in a queue of their own, at the next longer tier', async () => {
    const { aside, caller, serve, prefix } = await place(url)
    const starts: Array<number> = []
    await serve(
      createMicroservice('tiered', { retry: delays(900, 700_000), classify: () => 'retryable' }).onEvent(
        'tier',
        t.unknown,
        () => () => {
          starts.push(Date.now())
          return Promise.resolve(E.left('no'))
        },
      ),
    )
    right(await caller().emit('tier', 1)())
    await until('it is started twice', () => starts.length === 2)
    expect(starts[1]! - starts[0]!).toBeGreaterThan(440)
    const queue = `${prefix}taskwire.event:tiered:tier:retry-600s`
    const waiting = () => aside((channel) => channel.checkQueue(queue)).catch(() => ({ messageCount: 0 }))
    let { messageCount } = await waiting()
    for (let look = 0; messageCount === 0 && look < 1_000; look++) messageCount = (await waiting()).messageCount
    expect(messageCount).toBe(1)
  })

  test('what is left of a delay beyond the longest tier is waited for in the next one, by no clock but that of the broker', async () => {
    const { aside, serve, prefix } = await place(url)
    const starts: Array<{ payload: unknown; context: AmqpContext }> = []
    await serve(collector('rest', 'rested', starts))
    const queue = `${prefix}taskwire.event:rest:rested`
    const began = performance.now()
    await aside(async (channel) => {
      const headers = { 'taskwire-attempt': '3', 'taskwire-rest': '700' }
      channel.sendToQueue(queue, Buffer.from('1'), { headers, contentType: 'application/json' })
      await channel.waitForConfirms()
    })
    await until('it is started', () => starts.length === 1)
    expect(performance.now() - began).toBeGreaterThan(690)
    expect(starts[0]?.context.attempt).toBe(3)
    const { messageCount } = await aside((channel) => channel.checkQueue(`${queue}:retry-1s`))
    expect(messageCount).toBe(0)
  })

  test('two services share events by wildcards, and each of their replicas its part', async () => {
    const { caller, serve } = await place(url)
    const seen: Array<string> = []
    const replica = (name: string, by: string, pattern: string) =>
      serve(
        createMicroservice(name).onEvent(
          pattern,
          t.number,
          (n) => async () => {
            await new Promise((resolve) => setTimeout(resolve, 1))
            seen.push(`${name} ${by} ${n}`)
            return E.right(undefined)
          },
          { concurrency: 2 },
        ),
      )
    for (const by of ['a', 'b']) {
      await replica('one', by, 'shared.*')
      await replica('two', by, '#')
    }
    const client = caller()
    await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        client
          .emit(`shared.${n % 3}`, n)()
          .then(right),
      ),
    )
    await until('each service has all', () => seen.length === 200)
    for (const name of ['one', 'two']) {
      const own = seen.filter((one) => one.startsWith(name))
      expect(new Set(own.map((one) => one.split(' ')[2])).size).toBe(100)
      for (const by of ['a', 'b'])
        expect(own.filter((one) => one.startsWith(`${name} ${by}`)).length).toBeGreaterThan(5)
    }
  })

  test('nobody there is known in a round trip', async () => {
    const { caller } = await place(url)
    const client = caller()
    right(await client.connect())
    const began = performance.now()
    expect(await client.send('nobody', 1, t.unknown)()).toEqual(E.left({ _tag: 'NoHandler', pattern: 'nobody' }))
    expect(await client.emit('nobody', 1, { mandatory: true })()).toEqual(
      E.left({ _tag: 'NoHandler', pattern: 'nobody' }),
    )
    expect(performance.now() - began).toBeLessThan(2_000)
    right(await client.emit('nobody', 1)())
  })

  test('an id that does not fit a property is an error of the caller, and the connection stays', async () => {
    const { caller, serve } = await place(url)
    const seen: Array<{ payload: unknown; context: AmqpContext }> = []
    await serve(collector('long', 'long', seen))
    const client = caller()
    const messageId = 'x'.repeat(300)
    right(await client.emit('long', 1, { messageId })())
    await until('it arrives', () => seen.length === 1)
    expect(seen[0]!.context.messageId).toBe(messageId)
  })
})

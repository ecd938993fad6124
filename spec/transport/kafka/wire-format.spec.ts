/** What lies in Kafka, as programs of other makes write and read it. */
import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import kafkajs from 'kafkajs'
import { createMicroservice, delays, json, type Context } from 'taskwire'
import type { KafkaContext } from 'taskwire/kafka'
import { expect, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import { benches, until } from './support.js'

const right = { _tag: 'Right', right: undefined } as const
const texts = (headers: object): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))

await withBroker('kafka', (url) => {
  const bench = benches()

  test('an event is a CloudEvent in binary mode, with the key as its key', async () => {
    const { prefix, call, outside } = bench([url])
    const at = await outside()
    const result = await call().emit(
      'order.paid',
      { id: 'o-1' },
      { key: 'k ü', messageId: 'id-1', headers: { traceparent: 'tp', ce_own: 'mine', constructor: 'c', 'X-Case': '' } },
    )()
    expect(result._tag).toBe('Right')
    const [record, ...others] = await at.read(`${prefix}order.paid`)
    expect(others).toEqual([])
    expect(record?.value?.toString()).toBe('{"id":"o-1"}')
    expect(record?.key?.toString()).toBe('k ü')
    // n.b. kafkajs reads a header of this name together with what every object has under it
    const { constructor: odd, ...headers } = record?.headers ?? {}
    expect(String((odd as unknown as ReadonlyArray<unknown>)[1])).toBe('c')
    const { ce_time: time, ...rest } = texts(headers)
    expect(rest).toEqual({
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: 'id-1',
      ce_type: 'order.paid',
      ce_source: '/caller',
      ce_partitionkey: 'k ü',
      traceparent: 'tp',
      'taskwire-header-ce_own': 'mine',
      'X-Case': '',
    })
    expect(Math.abs(Date.parse(time ?? '') - Date.now())).toBeLessThan(60_000)
  })

  test('undefined is a value of no bytes, and never null', async () => {
    const { prefix, call, outside } = bench([url])
    const at = await outside()
    expect((await call().emit('nothing', undefined)())._tag).toBe('Right')
    const [record] = await at.read(`${prefix}nothing`)
    expect(record?.value).toEqual(Buffer.alloc(0))
    expect(record?.key).toBeNull()
  })

  test('records of programs that know nothing of this library are handled', async () => {
    const { prefix, transport, serve, outside } = bench([url])
    const seen: Array<readonly [unknown, KafkaContext]> = []
    await serve(
      createMicroservice('listener')
        .transport(transport())
        .onEvent('plain', t.unknown, (payload, context) =>
          TE.fromIO(() => {
            seen.push([payload, context])
          }),
        ),
    )
    const at = await outside()
    const topic = `${prefix}plain`
    const binary = Buffer.from([0xff, 0xfe, 0x00])
    const hostile = {
      ['__proto__']: 'p',
      constructor: 'x',
      'taskwire-attempt': '99',
      'taskwire-endpoint': 'x',
      empty: '',
    }
    await at.producer.send({
      topic,
      messages: [
        { partition: 0, value: '{"plain":true}' },
        { partition: 0, value: null },
        { partition: 0, key: binary, value: '1' },
        {
          partition: 0,
          key: 'text',
          value: '2',
          headers: { ...hostile, twice: ['a', 'b'] },
          timestamp: '1700000000000',
        },
      ],
    })
    await until(
      () => `all are handled (${seen.length})`,
      () => seen.length === 4,
    )
    const [plain, nothing, odd, full] = seen
    expect(plain?.[0]).toEqual({ plain: true })
    expect(plain?.[1]).toMatchObject({
      transport: 'kafka',
      pattern: 'plain',
      topic,
      partition: 0,
      offset: '0',
      messageId: `${topic}/0/0`,
      correlationId: `${topic}/0/0`,
      causationId: { _tag: 'None' },
      key: { _tag: 'None' },
      attempt: 1,
    })
    expect(nothing?.[0]).toBeUndefined()
    expect(odd?.[1].key).toEqual({ _tag: 'Some', value: binary.toString('base64') })
    expect(full?.[1]).toMatchObject({ key: { _tag: 'Some', value: 'text' }, attempt: 1, timestamp: 1_700_000_000_000 })
    expect(Object.entries(full?.[1].headers ?? {}).sort()).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'x'],
      ['empty', ''],
      ['twice', 'b'],
    ])
  })

  test('a request is answered to where it says, and to nowhere else', async () => {
    const { prefix, transport, serve, outside } = bench([url])
    const ran: Array<Context> = []
    await serve(
      createMicroservice('answering')
        .transport(transport())
        .onMessage('double', t.number, (n, context) =>
          TE.fromIO(() => {
            ran.push(context)
            return 2 * n
          }),
        )
        .onEvent('elsewhere', t.unknown, () => async () => right),
    )
    const at = await outside()
    const replies = `${prefix}taskwire--replies`
    const request = (call: string, replyTo: string, value = '2') => ({
      partition: 0,
      value,
      headers: { 'taskwire-request': `${call} ${replyTo}` },
    })
    await at.producer.send({
      topic: `${prefix}double--requests`,
      messages: [
        request('nowhere', `${prefix}elsewhere/0`),
        request('out of range', `${replies}/99`),
        { partition: 0, value: '2' },
        request('', `${replies}/0`),
        {
          ...request('expired', `${replies}/0`),
          headers: { 'taskwire-request': `expired ${replies}/0  1000` },
        },
        request('wrong', `${replies}/1`, '"two"'),
        request('good', `${replies}/2`),
      ],
    })
    let found: Awaited<ReturnType<typeof at.read>> = []
    await until(
      () => `three replies are there (${found.length})`,
      async () => {
        found = await at.read(replies)
        return found.length >= 3
      },
    )
    const good = found.find(({ partition }) => partition === 2)
    expect(good?.value?.toString()).toBe('4')
    expect(good?.key).toBeNull()
    expect(texts(good?.headers ?? {})).toEqual({ 'taskwire-reply': 'good ok' })
    const wrong = found.find(({ partition }) => partition === 1)
    expect(texts(wrong?.headers ?? {})).toEqual({ 'taskwire-reply': 'wrong failure 1' })
    expect(found.length).toBe(3)
    // n.b. clocks differ: one that seems to have expired is told so, and does not run
    const expired = found.find(({ partition }) => partition === 0)
    expect(texts(expired?.headers ?? {})).toEqual({ 'taskwire-reply': 'expired refused 4' })
    expect(ran.length).toBe(1)
    expect(await at.read(`${prefix}elsewhere`)).toEqual([])
  })

  test('what is larger than a record of ours may be is set aside, or refused, and reaches no codec', async () => {
    const { prefix, transport, serve, outside } = bench([url])
    const seen: Array<number> = []
    const note = (n: number) => TE.fromIO(() => void seen.push(n))
    const large = createMicroservice('large').onEvent('big', t.number, note).onMessage('ask', t.number, note)
    await serve(createMicroservice('large').transport(transport()).include(large))
    const at = await outside()
    const value = `${' '.repeat(921_600)}7`
    const headers = { 'taskwire-request': `1 ${prefix}taskwire--replies/0` }
    await at.producer.send({ topic: `${prefix}big`, messages: [{ value }, { value: '8' }] })
    await at.producer.send({ topic: `${prefix}ask--requests`, messages: [{ value, headers }] })
    let answers: Awaited<ReturnType<typeof at.read>> = []
    let letters: Awaited<ReturnType<typeof at.read>> = []
    await until(
      () => `a dead letter and an answer are there: ${letters.length}, ${answers.length}`,
      async () => {
        letters = await at.read(`${prefix}big--large--dlq`)
        answers = await at.read(`${prefix}taskwire--replies`)
        return letters.length > 0 && answers.length > 0 && seen.length > 0
      },
    )
    expect(texts(letters[0]?.headers ?? {})).toMatchObject({
      'taskwire-dead-reason': 'invalid-payload',
      'taskwire-dead-attempts': '0',
    })
    expect(letters[0]?.value?.length).toBe(value.length)
    expect(texts(answers[0]?.headers ?? {})['taskwire-reply']).toMatch(/^1 failure /)
    expect(seen).toEqual([8])
  })

  test('a request is a body and one header', async () => {
    const { prefix, transport, serve, call, outside } = bench([url])
    await serve(
      createMicroservice('slim')
        .transport(transport())
        .onMessage('slim', t.number, (n) => async () => ({ _tag: 'Right', right: n }) as const),
    )
    expect(await call().send('slim', 1, t.number, { timeout: 30_000 })()).toEqual({ _tag: 'Right', right: 1 })
    const at = await outside()
    const [asked] = await at.read(`${prefix}slim--requests`)
    const [answered] = await at.read(`${prefix}taskwire--replies`)
    expect(Object.keys(asked?.headers ?? {})).toEqual(['taskwire-request'])
    const [id, to, timeout, deadline] = texts(asked?.headers ?? {})['taskwire-request']?.split(' ') ?? []
    expect(to).toBe(`${prefix}taskwire--replies/${String(answered?.partition)}`)
    expect(Number(timeout)).toBeLessThanOrEqual(30_000)
    expect(Math.abs(Number(deadline) - Date.now())).toBeLessThan(60_000)
    expect(texts(answered?.headers ?? {})).toEqual({ 'taskwire-reply': `${String(id)} ok` })
  })

  test('a retry and a dead letter keep key, headers and body byte for byte, and say where they came from', async () => {
    const { prefix, transport, serve, outside } = bench([url])
    const attempts: Array<number> = []
    await serve(
      createMicroservice('failing', { retry: delays(50), classify: () => 'retryable' })
        .transport(transport({ retryTopics: true }))
        .onEvent(
          'doomed',
          t.unknown,
          (_, { attempt, ...context }) =>
            async () => {
              attempts.push(attempt)
              expect(context).toMatchObject({ topic: `${prefix}doomed`, partition: 1, offset: '0' })
              return { _tag: 'Left', left: 'no' } as const
            },
          { id: 'doomed by us' },
        ),
    )
    const at = await outside()
    const headers = { own: Buffer.from([0xff, 0x01]), twice: ['a', 'b'], ce_id: 'the id' }
    const value = '{ "odd" : "ü" }'
    await at.producer.send({ topic: `${prefix}doomed`, messages: [{ partition: 1, value, headers }] })
    let letters: Awaited<ReturnType<typeof at.read>> = []
    await until(
      () => 'a dead letter is there',
      async () => {
        letters = await at.read(`${prefix}doomed--failing--dlq`)
        return letters.length > 0
      },
    )
    expect(attempts).toEqual([1, 2])
    const [letter] = letters
    expect(letter?.value?.toString()).toBe(value)
    expect(letter?.key).toBeNull()
    expect(letter?.headers).toMatchObject({ own: headers.own, twice: [Buffer.from('a'), Buffer.from('b')] })
    const said = texts(letter?.headers ?? {})
    expect(said).toMatchObject({
      ce_id: 'the id',
      'taskwire-dead-reason': 'attempts-exhausted',
      'taskwire-dead-attempts': '2',
      'taskwire-dead-source': `${prefix}doomed/1/0`,
      'taskwire-dead-message-id': 'the id',
      'taskwire-dead-pattern': 'doomed',
      'taskwire-dead-endpoint': 'doomed by us',
      'taskwire-dead-service': 'failing',
    })
    expect(Object.keys(said)).not.toContain('taskwire-attempt')
    const [retried] = await at.read(`${prefix}doomed--failing--retry`)
    expect(retried?.value?.toString()).toBe(value)
    expect(retried?.headers).toMatchObject({ own: headers.own, twice: [Buffer.from('a'), Buffer.from('b')] })
    expect(texts(retried?.headers ?? {})).toMatchObject({
      'taskwire-endpoint': 'doomed by us',
      'taskwire-attempt': '2',
      'taskwire-origin': `${prefix}doomed/1/0`,
    })
  })

  test('a dead letter that its topic takes for too large is written without its body, and says where that is', async () => {
    const { prefix, transport, serve, call, outside } = bench([url])
    await serve(
      createMicroservice('large')
        .transport(transport())
        .onEvent('large', t.unknown, () => async () => ({ _tag: 'Left', left: 'no' }) as const),
    )
    const at = await outside()
    const topic = `${prefix}large--large--dlq`
    await at.admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: [{ name: 'max.message.bytes', value: '5000' }],
        },
      ],
    })
    expect((await call().emit('large', 'x'.repeat(20_000), { key: 'k', headers: { own: 'kept' } })())._tag).toBe(
      'Right',
    )
    let letters: Awaited<ReturnType<typeof at.read>> = []
    await until(
      () => 'a dead letter is there',
      async () => {
        letters = await at.read(topic)
        return letters.length > 0
      },
    )
    expect(letters.map(({ value, key }) => [value?.length, key?.toString()])).toEqual([[0, 'k']])
    const said = texts(letters[0]?.headers ?? {})
    expect(said).toMatchObject({ own: 'kept', 'taskwire-dead-without-body': 'true' })
    expect(said['taskwire-dead-source']).toMatch(new RegExp(`^${prefix}large/[0-2]/0$`))
  })

  test('a retry for an endpoint that is not there becomes a dead letter, and stands in nobody’s way', async () => {
    const { prefix, transport, serve, call, outside } = bench([url])
    const seen: Array<number> = []
    await serve(
      createMicroservice('renamed')
        .transport(transport())
        .onEvent('kept', t.number, (n) => async () => {
          seen.push(n)
          return right
        }),
    )
    const at = await outside()
    const value = '7'
    await at.producer.send({
      topic: `${prefix}kept--renamed--retry`,
      messages: [{ partition: 0, value, headers: { 'taskwire-endpoint': 'an old name' } }],
    })
    let letters: Awaited<ReturnType<typeof at.read>> = []
    await until(
      () => 'a dead letter is there',
      async () => {
        letters = await at.read(`${prefix}kept--renamed--dlq`)
        return letters.length > 0
      },
    )
    expect(texts(letters[0]?.headers ?? {})).toMatchObject({ 'taskwire-dead-reason': 'no-handler' })
    expect((await call().emit('kept', 1)())._tag).toBe('Right')
    await until(
      () => 'the service goes on',
      () => seen.includes(1),
    )
  })

  test('another format of bodies is sent as it is', async () => {
    const { prefix, outside, call } = bench([url])
    const at = await outside()
    const client = call()
    expect((await client.emit('json', 'ü')())._tag).toBe('Right')
    expect((await at.read(`${prefix}json`))[0]?.value?.toString()).toBe('"ü"')
    expect(json.contentType).toBe('application/json')
  })
})

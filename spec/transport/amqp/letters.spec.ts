/** Dead letters where they lie: shown, put back and dropped, and none of them lost on the way. */
import type { ConfirmChannel, GetMessage } from 'amqplib'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice, deadLetters, type Context } from 'taskwire'
import { amqp } from 'taskwire/amqp'
import { expect, onTestFinished, test } from 'vitest'
import { realClock } from '../../../lib/core/clock.js'
import { deadQueue, eventExchange, eventQueue } from '../../../lib/transport/amqp/names.js'
import { faultProxy } from '../../brokers/proxy.js'
import { withBroker } from '../../brokers/suite.js'
import { place, right, until, type Place } from './support.js'

const n = t.type({ n: t.number })

/** A service that gives up what it is sent until it is well. */
const patient = (handled: Array<Context> = [], well = () => false) =>
  createMicroservice('patient').onEvent('fall', n, (_, context) => {
    if (!well()) return TE.left('ill')
    handled.push(context)
    return TE.right(undefined)
  })

/** All that lies in a queue, put back afterwards. */
const look = (one: Place, queue: string): Promise<ReadonlyArray<GetMessage>> =>
  one.aside(async (channel) => {
    const found: Array<GetMessage> = []
    for (let next = await channel.get(queue); next !== false; next = await channel.get(queue)) found.push(next)
    return found
  })

const count = (one: Place, queue: string): Promise<number> =>
  one.aside(async (channel) => (await channel.checkQueue(queue)).messageCount)

const later = async (what: string, test: () => Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 20_000; !(await test()); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (Date.now() > end) throw new Error(`not in time: ${what}`)
}

const ids = (all: ReadonlyArray<GetMessage>): ReadonlyArray<string> =>
  all.map(({ properties: { messageId } }) => String(messageId))

const bare = ({ content, properties }: GetMessage) => ({ content: content.toString('hex'), properties })

/** What `patient` has given up: events 0 to `to`, each with a header and a key of its own. */
const fallen = async (one: Place, to: number) => {
  const queue = eventQueue(one.prefix, 'patient', 'fall')
  const running = await one.serve(patient())
  const client = one.caller()
  for (let i = 0; i < to; i++)
    right(await client.emit('fall', { n: i }, { messageId: `id-${i}`, headers: { h: `ü-${i}` }, key: `k-${i % 3}` })())
  await later('all are given up', async () => (await count(one, deadQueue(queue))) === to)
  await running.stop()
  return { queue, dead: deadQueue(queue) }
}

/** Puts `to` dead letters where those of `patient` lie, as it would. */
const laid = async (one: Place, to: number) => {
  const queues = await fallen(one, 1)
  await one.aside(async (channel) => {
    const first = await channel.get(queues.dead)
    if (first === false) throw new Error('there is none')
    const { properties } = first
    for (let i = 1; i < to; i++)
      channel.sendToQueue(queues.dead, Buffer.from(`{"n":${i}}`), {
        ...properties,
        messageId: `id-${i}`,
        headers: { ...properties.headers, 'taskwire-dead-message-id': `id-${i}`, cloudEvents_id: `id-${i}` },
        persistent: true,
      })
    await channel.waitForConfirms()
    channel.nackAll()
  })
  return queues
}

const own = (one: Place) => patient().transport(one.transport('amqp'))

await withBroker('amqp', (url) => {
  test('looking at them leaves them where they lay, to the last byte', async () => {
    const one = await place(url)
    const { dead } = await fallen(one, 5)
    const before = (await look(one, dead)).map(bare)
    const letters = deadLetters(own(one))
    expect(right(await letters.list()())).toHaveLength(5)
    expect(right(await letters.list({ limit: 2 })())).toHaveLength(2)
    expect(right(await letters.redrive({ dryRun: true })())).toMatchObject({ redriven: 5 })
    expect((await look(one, dead)).map(bare)).toEqual(before)
  })

  test('what is put back starts as attempt 1 with its id, bytes, headers and key; the others keep their places and every byte', async () => {
    const one = await place(url)
    const { dead, queue } = await fallen(one, 6)
    const before = await look(one, dead)
    const report = right(
      await deadLetters(own(one)).redrive({ where: ({ headers }) => /[135]/.test(headers['h'] ?? '') })(),
    )
    expect(report).toEqual({ redriven: 3, refused: 0, refusals: [], kept: 3 })
    const kept = before.filter((_, i) => i % 2 === 0)
    expect((await look(one, dead)).map(bare)).toEqual(kept.map(bare))
    const back = await look(one, queue)
    expect(ids(back)).toEqual(['id-1', 'id-3', 'id-5'])
    for (const [i, { content, properties }] of back.entries()) {
      const original = before[2 * i + 1]
      expect(content).toEqual(original?.content)
      const headers = properties.headers ?? {}
      expect(headers).toMatchObject({ h: `ü-${2 * i + 1}`, 'taskwire-replays': '1' })
      expect(Object.keys(headers).filter((name) => /dead|attempt|failed|x-death/.test(name))).toEqual([])
      const { headers: _, ...plain } = original?.properties ?? {}
      expect(properties).toMatchObject(plain)
    }
    const handled: Array<Context> = []
    await one.serve(patient(handled, () => true))
    await until('they are handled', () => handled.length === 3)
    // n.b. one more, since the queue has delivered them to this spec
    expect(handled.map(({ messageId, pattern }) => [messageId, pattern])).toEqual(
      [1, 3, 5].map((i) => [`id-${i}`, 'fall']),
    )
  })

  test('a sweep ends where the queue ended when it began, also while everything comes back at once', async () => {
    const one = await place(url)
    const { dead } = await laid(one, 300)
    await one.serve(patient())
    expect(right(await deadLetters(own(one)).redrive()())).toMatchObject({ redriven: 300 })
    await later('they are given up again', async () => (await count(one, dead)) === 300)
  })

  /** Delivers what is in a queue until the broker gives it up. */
  const exhaust = async (one: Place, queue: string): Promise<void> => {
    const deliver = async (channel: ConfirmChannel): Promise<boolean> => {
      const message = await channel.get(queue)
      if (message !== false) channel.nack(message, false, true)
      return (await channel.checkQueue(deadQueue(queue))).messageCount > 0
    }
    await later('the broker sets it aside', () => one.aside(deliver))
  }

  test('what the broker itself set aside is read, and goes back without its traces', async () => {
    const one = await place(url)
    const queue = eventQueue(one.prefix, 'patient', 'fall')
    const running = await one.serve(patient())
    await running.stop()
    right(await one.caller().emit('fall', { n: 7 }, { messageId: 'deadly', headers: { h: 'x' } })())
    await exhaust(one, queue)
    const letters = deadLetters(own(one))
    const [letter] = right(await letters.list()())
    expect(letter).toMatchObject({
      ...{ messageId: 'deadly', pattern: 'fall', endpoint: 'fall', source: queue, service: 'patient', replays: 0 },
      ...{ payload: E.right({ n: 7 }), headers: { h: 'x' } },
      reason: { _tag: 'AttemptsExhausted', message: 'delivered 21 times and never settled', attempts: 21 },
    })
    // n.b. in whole seconds
    expect(Math.abs((letter?.time ?? 0) - Date.now())).toBeLessThan(60_000)
    expect(letter?.reason.lastFailedAt).toBe(letter?.time)
    expect(right(await letters.redrive()())).toMatchObject({ redriven: 1 })
    const [back] = await look(one, queue)
    expect(Object.keys(back?.properties.headers ?? {}).filter((name) => /death|dead/.test(name))).toEqual([])
    await exhaust(one, queue)
    expect(right(await letters.list()())).toMatchObject([{ messageId: 'deadly', replays: 1, reason: { attempts: 21 } }])
  })

  test('what a foreign program published, and the broker set aside, goes back under the pattern it came by', async () => {
    const one = await place(url)
    const handled: Array<Context> = []
    const wild = createMicroservice('wild').onEvent('fall.*', n, (_, context) => {
      handled.push(context)
      return TE.right(undefined)
    })
    const queue = eventQueue(one.prefix, 'wild', 'fall.*')
    await (await one.serve(wild)).stop()
    await one.aside(async (channel) => {
      channel.publish(eventExchange(one.prefix), 'fall.deep', Buffer.from('{"n":1}'), { persistent: true })
      await channel.waitForConfirms()
    })
    await exhaust(one, queue)
    const letters = deadLetters(wild.transport(one.transport('amqp')))
    expect(right(await letters.list()())).toMatchObject([{ pattern: 'fall.deep', messageId: '' }])
    expect(right(await letters.redrive()())).toMatchObject({ redriven: 1 })
    await one.serve(wild)
    await until('it is handled', () => handled.length === 1)
    expect(handled[0]).toMatchObject({ pattern: 'fall.deep', attempt: 1 })
  })

  test('what somebody moved back with its fields, and the broker set aside then, tells of the broker alone', async () => {
    const one = await place(url)
    const { dead, queue } = await fallen(one, 1)
    await one.aside(async (channel) => {
      const message = await channel.get(dead)
      if (message === false) throw new Error('there is none')
      channel.sendToQueue(queue, message.content, { ...message.properties, persistent: true })
      await channel.waitForConfirms()
      channel.ack(message)
    })
    await exhaust(one, queue)
    expect(right(await deadLetters(own(one)).list()())).toMatchObject([
      { messageId: 'id-0', reason: { _tag: 'AttemptsExhausted', attempts: 21 } },
    ])
  })

  test('what its endpoint would not take any more stays: what is too large, and what no pattern of it matches', async () => {
    const one = await place(url)
    const listening = (pattern: string) =>
      createMicroservice('picky').onEvent(pattern, t.unknown, () => TE.left('no'), { id: 'own' })
    const running = await one.serve(listening('fall.*'))
    const dead = deadQueue(eventQueue(one.prefix, 'picky', 'own'))
    await one.aside(async (channel) => {
      const large = Buffer.from(`"${'x'.repeat(1_048_576)}"`)
      channel.publish(eventExchange(one.prefix), 'fall.deep', large, { persistent: true, messageId: 'large' })
      channel.publish(eventExchange(one.prefix), 'fall.deep', Buffer.from('1'), {
        persistent: true,
        messageId: 'small',
      })
      await channel.waitForConfirms()
    })
    await later('both are given up', async () => (await count(one, dead)) === 2)
    await running.stop()
    const redrive = (pattern: string) => deadLetters(listening(pattern).transport(one.transport('amqp'))).redrive()
    const issues = [{ path: '', expected: 'an event that rise.* matches' }]
    expect(right(await redrive('rise.*')())).toMatchObject({
      redriven: 0,
      refusals: [
        { messageId: 'large', issues },
        { messageId: 'small', issues },
      ],
    })
    expect(right(await redrive('fall.#')())).toMatchObject({
      redriven: 1,
      refusals: [{ messageId: 'large', issues: [{ path: '', expected: 'at most 1048576 bytes' }] }],
    })
    expect(ids(await look(one, dead))).toEqual(['large'])
  })

  test('where there is no queue there are no letters', async () => {
    const one = await place(url)
    const two = createMicroservice('patient')
      .onEvent('never', n, () => TE.right(undefined))
      .onEvent('fall', n, () => TE.right(undefined))
      .transport(one.transport('amqp'))
    expect(right(await deadLetters(two).list()())).toEqual([])
    expect(right(await deadLetters(two).redrive()())).toMatchObject({ redriven: 0 })
    await fallen(one, 1)
    expect(right(await deadLetters(two).list()())).toMatchObject([{ messageId: 'id-0' }])
    await one
      .aside((channel) => channel.checkQueue(eventQueue(one.prefix, 'patient', 'never')))
      .then(
        () => expect.unreachable('nothing is declared'),
        () => undefined,
      )
  })

  test('the queue of an endpoint that was deleted is declared again for what goes back', async () => {
    const one = await place(url)
    const { dead, queue } = await laid(one, 150)
    await one.aside((channel) => channel.deleteQueue(queue))
    expect(right(await deadLetters(own(one)).redrive()())).toMatchObject({ redriven: 150 })
    expect([await count(one, queue), await count(one, dead)]).toEqual([150, 0])
    await one.serve(patient())
  })

  test('what its queue refuses stays, and the report is a Left', async () => {
    const one = await place(url)
    const { dead, queue } = await laid(one, 250)
    await one.aside(async (channel) => {
      await channel.deleteQueue(queue)
      await channel.assertQueue(queue, { maxLength: 0, arguments: { 'x-overflow': 'reject-publish' } })
    })
    const result = await deadLetters(own(one)).redrive()()
    expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
    expect(JSON.stringify(result)).toContain(queue)
    expect(ids(await look(one, dead))).toEqual(Array.from({ length: 250 }, (_, i) => `id-${i}`))
  })

  test('two sweeps at once lose nothing and put nothing back twice', async () => {
    const one = await place(url)
    const { dead, queue } = await laid(one, 300)
    const letters = deadLetters(own(one))
    const reports = await Promise.all([letters.redrive()(), letters.redrive()(), letters.list({ limit: 1_000 })()])
    expect(reports.map(({ _tag }) => _tag)).toEqual(['Right', 'Right', 'Right'])
    right(await letters.redrive()())
    expect(await count(one, dead)).toBe(0)
    const back = ids(await look(one, queue))
    expect([back.length, new Set(back).size]).toEqual([300, 300])
  })

  test('a connection that is lost in the middle loses no letter, and the next sweep takes up the rest', async () => {
    const one = await place(url)
    const total = 400
    const { dead, queue } = await laid(one, total)
    const proxy = await faultProxy({ port: Number(new URL(url).port) })
    onTestFinished(() => proxy.close())
    const through = amqp({ url: `amqp://guest:guest@${proxy.host}:${proxy.port}`, prefix: one.prefix })
    const letters = deadLetters(patient().transport(through), { log: false })
    // n.b. the first ones before anything was put back, the others between a publication, its confirm and its acknowledgement;
    // the last one when a hundred have certainly moved
    for (const [direction, bytes] of [
      ['up', 1_500],
      ['up', 5_000],
      ['up', 20_000],
      ['up', 40_000],
      ['up', 80_000],
      ['down', 200_000],
    ] as const) {
      proxy.cutAfter(bytes, direction)
      expect(await letters.redrive()()).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
      await proxy.heal()
      await later('what was taken is back', async () => {
        const lying = [...ids(await look(one, dead)), ...ids(await look(one, queue))]
        return new Set(lying).size === total
      })
    }
    const moved = await count(one, queue)
    expect(moved).toBeGreaterThan(0)
    expect(right(await letters.redrive()())).toMatchObject({ refused: 0, kept: 0 })
    expect(await count(one, dead)).toBe(0)
    expect(new Set(ids(await look(one, queue))).size).toBe(total)
  }, 60_000)

  test('a broker that does not answer is a Left', async () => {
    const one = await place(url)
    const { dead } = await laid(one, 50)
    const proxy = await faultProxy({ port: Number(new URL(url).port) })
    onTestFinished(() => proxy.close())
    // n.b. without the timers of the heartbeat, which would end the waiting as well
    const address = `amqp://guest:guest@${proxy.host}:${proxy.port}?heartbeat=60`
    const through = amqp({ url: address, prefix: one.prefix })
    const clock = {
      ...realClock,
      after: (ms: number, run: () => void) => (ms > 10_000 ? () => undefined : realClock.after(ms / 10, run)),
    }
    const letters = deadLetters(patient().transport(through), { log: false, clock })
    let seen = 0
    const where = () => {
      seen += 1
      if (seen === 20) proxy.hold()
      return true
    }
    expect(await letters.redrive({ where })()).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
    await proxy.heal()
    await later('all are there again', async () => (await count(one, dead)) === 50)
  })

  test('an absent broker and wrong credentials are a Left at once', async () => {
    const wrong = new URL(url)
    wrong.password = 'wrong'
    for (const [address, tag] of [
      ['amqp://127.0.0.1:1', 'TransportFailed'],
      [wrong.href, 'Unauthorized'],
    ] as const) {
      const letters = deadLetters(patient().transport(amqp({ url: address })), { log: false })
      expect(await letters.list()()).toMatchObject({ _tag: 'Left', left: { _tag: tag } })
    }
  })
})

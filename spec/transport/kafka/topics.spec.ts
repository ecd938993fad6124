/** Topics that are there, missing, made, new to a service, and taken away. */
import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice, listen } from 'taskwire'
import { expect, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import { persistently } from './subject.js'
import { benches, pause, until } from './support.js'

const right = { _tag: 'Right', right: undefined } as const

await withBroker('kafka', (url) => {
  const bench = benches()

  test('listen names every topic that is missing at once, and starts once they are there', async () => {
    const { prefix, transport, serve, outside } = bench([url])
    const service = createMicroservice('strict')
      .transport(transport({ createTopics: false }))
      .onEvent('heard', t.unknown, () => async () => right)
      .onMessage('asked', t.unknown, () => TE.right(1))
    const result = await listen(service, { log: false })()
    const topics = [
      `${prefix}asked--requests`,
      `${prefix}heard`,
      `${prefix}heard--strict--dlq`,
      `${prefix}heard--strict--retry`,
      `${prefix}taskwire--replies`,
    ]
    expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'TopicMissing' } })
    expect(result._tag === 'Left' && result.left._tag === 'TopicMissing' ? [...result.left.topics].sort() : []).toEqual(
      topics,
    )
    const { admin } = await outside()
    await admin.createTopics({ topics: topics.map((topic) => ({ topic })), waitForLeaders: true })
    await serve(service)
  })

  test('topics that the brokers refuse to make fail a start at once', async () => {
    const { transport } = bench([url])
    const began = performance.now()
    const result = await listen(
      createMicroservice('demanding')
        .transport(transport({ createTopics: { partitions: 1, replicationFactor: 9 } }))
        .onEvent('heard', t.unknown, () => async () => right),
      { log: false },
    )()
    expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
    expect(performance.now() - began).toBeLessThan(10 * 1_000)
  })

  test('to a topic that does not exist emit fails at once and says which, and a request is NoHandler', async () => {
    const { prefix, call } = bench([url])
    const client = call({ createTopics: false })
    const began = performance.now()
    expect(await client.emit('nowhere', 1)()).toMatchObject({
      _tag: 'Left',
      left: { _tag: 'TransportFailed', message: `the topic ${prefix}nowhere does not exist` },
    })
    expect(performance.now() - began).toBeLessThan(10 * 500)
    const asking = call()
    expect(await asking.send('nowhere', 1, t.unknown)()).toEqual({
      _tag: 'Left',
      left: { _tag: 'NoHandler', pattern: 'nowhere' },
    })
  })

  test('a service that is new begins at the end; with startAt: beginning at the first there is', async () => {
    const { transport, serve, call } = bench([url])
    const client = call()
    for (let n = 0; n < 30; n++) expect((await client.emit('old', n, { key: String(n) })())._tag).toBe('Right')
    const heard = new Map<string, Array<number>>()
    for (const startAt of ['end', 'beginning'] as const) {
      const seen: Array<number> = []
      heard.set(startAt, seen)
      await serve(
        createMicroservice(`new from ${startAt}`)
          .transport(transport({ startAt }))
          .onEvent('old', t.number, (n) => async () => {
            seen.push(n)
            return right
          }),
      )
    }
    for (let n = 30; n < 60; n++) expect((await client.emit('old', n, { key: String(n) })())._tag).toBe('Right')
    const sorted = (startAt: string) => [...(heard.get(startAt) ?? [])].sort((a, b) => a - b)
    await until(
      () => `both hear what is new (${[...heard.values()].map(({ length }) => length).join()})`,
      () => sorted('end').length >= 30 && sorted('beginning').length >= 60,
    )
    expect(sorted('end')).toEqual(Array.from({ length: 30 }, (_, i) => 30 + i))
    expect(sorted('beginning')).toEqual(Array.from({ length: 60 }, (_, i) => i))
  })

  test('partitions that are added to a topic are read from their first record', async () => {
    const { prefix, transport, serve, call, outside } = bench([url])
    const { admin, producer } = await outside()
    const seen: Array<number> = []
    const options = { kafkajs: { consumer: { maxWaitTimeInMs: 50, heartbeatInterval: 200 } } }
    const service = createMicroservice('grown')
      .transport(transport(options))
      .onEvent('grows', t.number, (n) => async () => {
        seen.push(n)
        return right
      })
    await serve(service)
    expect((await call().emit('grows', 1)())._tag).toBe('Right')
    const topic = `${prefix}grows`
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
    await persistently(() => producer.send({ topic, messages: [{ partition: 4, value: '2' }] }))
    // n.b. a second replica makes the group look at the topic again, which it does by itself within five minutes
    await serve(service)
    await until(
      () => `what was published before anybody knew the partition is handled (${seen.join()})`,
      () => seen.includes(2),
    )
    expect(seen).toEqual([1, 2])
  })

  test('a service whose position was deleted says so, and goes on with the first record there is', async () => {
    const { prefix, transport, serve, call, outside } = bench([url])
    const { admin } = await outside()
    const client = call()
    const seen: Array<number> = []
    const service = createMicroservice('late')
      .transport(transport())
      .onEvent('trimmed', t.number, (n) => async () => {
        seen.push(n)
        return right
      })
    const emit = async (...numbers: ReadonlyArray<number>): Promise<void> => {
      for (const n of numbers) expect((await client.emit('trimmed', n, { key: 'one' })())._tag).toBe('Right')
    }
    const before = await serve(service)
    await emit(1)
    await until(
      () => 'the first is handled',
      () => seen.includes(1),
    )
    await before.stop()
    await emit(2, 3, 4)
    const topic = `${prefix}trimmed`
    const ends = await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({
      topic,
      partitions: ends
        .filter(({ high }) => Number(high) > 0)
        .map(({ partition, high }) => ({ partition, offset: String(Number(high) - 1) })),
    })
    const lines: Array<string> = []
    const after = await serve(service, { log: (line) => lines.push(line) })
    await emit(5)
    await until(
      () => `what is left is handled (${seen.join()})`,
      () => seen.includes(5),
    )
    expect(seen).toEqual([1, 4, 5])
    expect(lines.filter((line) => line.includes('is gone at the broker'))).toHaveLength(1)
    await after.stop()
    await serve(service)
    await emit(6)
    await until(
      () => `its position is kept (${seen.join()})`,
      () => seen.includes(6),
    )
    expect(seen).toEqual([1, 4, 5, 6])
  }, 60_000)

  test('a topic that is deleted does not keep a client from the others, nor from its successor', async () => {
    const { prefix, call, outside } = bench([url])
    const { admin, read } = await outside()
    const client = call()
    for (const pattern of ['stays', 'goes']) expect((await client.emit(pattern, 1)())._tag).toBe('Right')
    await admin.deleteTopics({ topics: [`${prefix}goes`] })
    await pause(500)
    const gone = await client.emit('goes', 2, { timeout: 20_000 })()
    const after = await client.emit('stays', 3, { timeout: 20_000 })()
    const again = await client.emit('goes', 4, { timeout: 20_000 })()
    expect([gone, after, again].map(({ _tag }) => _tag)).toEqual(['Right', 'Right', 'Right'])
    const kept = (await read(`${prefix}goes`)).map(({ value }) => value?.toString())
    expect(kept).toEqual(expect.arrayContaining(['2', '4']))
    expect((await read(`${prefix}stays`)).length).toBe(2)
    // n.b. without leave to make topics it is told instead, and at once
    const modest = call({ createTopics: false })
    expect((await modest.emit('stays', 5)())._tag).toBe('Right')
    await admin.deleteTopics({ topics: [`${prefix}stays`] })
    await pause(500)
    expect(await modest.emit('stays', 6, { timeout: 20_000 })()).toMatchObject({
      left: { _tag: 'TransportFailed', message: `the topic ${prefix}stays does not exist` },
    })
  }, 60_000)

  test('a service whose topic was deleted goes on once it is there again, makes it where it may, and handles all that it holds', async () => {
    const { prefix, transport, serve, call, outside } = bench([url])
    const { admin } = await outside()
    const seen: Array<string> = []
    const lines: Array<string> = []
    const hear = (name: string) => (n: number) => async () => {
      seen.push(`${name} ${n}`)
      return right
    }
    const of = (options: Parameters<typeof transport>[0]) =>
      createMicroservice('steady')
        .transport(transport(options))
        .onEvent('falls', t.number, hear('falls'))
        .onEvent('stands', t.number, hear('stands'))
    const running = await serve(of({}))
    await running.stop()
    await serve(of({ createTopics: false }), { log: (line) => lines.push(line) })
    const client = call()
    const heard = async (pattern: string, n: number): Promise<void> => {
      // n.b. the first one tells the client that the topic it knows is gone
      await until(
        () => `${pattern} ${n} is accepted`,
        async () => (await client.emit(pattern, n, { timeout: 20_000 })())._tag === 'Right',
        60_000,
      )
      await until(
        () => `${pattern} ${n} is handled (${seen.join()}; ${lines.join()})`,
        () => seen.includes(`${pattern} ${n}`),
        60_000,
      )
    }
    await heard('falls', 1)
    await heard('stands', 1)
    await admin.deleteTopics({ topics: [`${prefix}falls`] })
    await until(
      () => 'the service has noticed',
      () => lines.some((line) => line.includes('was lost')),
    )
    await heard('falls', 2)
    await heard('stands', 2)
    expect(seen).toEqual(['falls 1', 'stands 1', 'falls 2', 'stands 2'])
    // n.b. where it may make topics it does, and needs nobody for that
    await serve(of({}))
    await admin.deleteTopics({ topics: [`${prefix}falls--steady--retry`] })
    await until(
      () => 'the topic is there again',
      async () => (await admin.listTopics()).includes(`${prefix}falls--steady--retry`),
      60_000,
    )
    await heard('stands', 3)
  }, 240_000)

  test('handlers that are stuck in one partition hold up no other, and a long queue is handled to its end', async () => {
    const { transport, serve, call } = bench([url])
    const client = call()
    const seen = new Set<number>()
    const stuck = new Set<string>()
    let release = (): void => undefined
    const door = new Promise<void>((resolve) => {
      release = resolve
    })
    await serve(
      createMicroservice('slow')
        .transport(transport())
        .onEvent('queue', t.number, (n, { partition, key }) => async () => {
          if (partition === 0) {
            stuck.add(key._tag === 'Some' ? key.value : '')
            await door
          }
          seen.add(n)
          return right
        }),
    )
    const keys = 30
    const total = 100 * keys
    for (let n = 0; n < total; n += 500)
      await Promise.all(
        Array.from({ length: 500 }, async (_, i) => {
          expect((await client.emit('queue', n + i, { key: String((n + i) % keys) })())._tag).toBe('Right')
        }),
      )
    await until(
      () => `the other partitions are handled (${seen.size}, and ${stuck.size} keys are stuck)`,
      () => stuck.size > 0 && seen.size === total - 100 * stuck.size,
    )
    expect(stuck.size).toBeLessThan(keys)
    release()
    await until(
      () => `all are handled (${seen.size} of ${total})`,
      () => seen.size === total,
    )
  }, 60_000)
})

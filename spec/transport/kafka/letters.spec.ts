/** Where dead letters lie in Kafka, what is written when they go back, and what breaks meanwhile. */
import { connect as netConnect } from 'node:net'
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { ISocketFactory, KafkaMessage, Message } from 'kafkajs'
import { createMicroservice, deadLetters, orThrow, realClock, secureRandom } from 'taskwire'
import type { KafkaOptions } from 'taskwire/kafka'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../brokers/port.js'
import { withBroker } from '../../brokers/suite.js'
import type { LetterVerdict } from '../../../lib/core/letter.js'
import type { LetterStore } from '../../../lib/transport/transport.js'
import { sameRecord } from '../../../lib/transport/kafka/retry.js'
import { persistently } from './subject.js'
import { benches, pause, until } from './support.js'

const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

/** An event that `shop` gave up. */
const letter = (n: number, more: Message['headers'] = {}): Message => ({
  value: String(n),
  headers: {
    ce_id: `id-${n}`,
    'taskwire-dead-reason': 'handler-failed',
    'taskwire-dead-message': 'closed',
    'taskwire-dead-message-id': `id-${n}`,
    'taskwire-dead-endpoint': 'placed',
    'taskwire-dead-source': `placed/0/${n}`,
    'taskwire-dead-time': String(1_000 + n),
    ...more,
  },
})
const idOf = ({ headers }: KafkaMessage): string => String(headers?.['ce_id'])
const idsOf = (all: ReadonlyArray<KafkaMessage>): ReadonlyArray<string> => all.map(idOf)
const sorted = (all: Iterable<string>): ReadonlyArray<string> => [...new Set(all)].sort()
/** What another program sees: n.b. kafkajs adds what Object.prototype has under a name. */
const seen = ({ key, value, headers = {} }: KafkaMessage) => ({
  key,
  value,
  headers: Object.fromEntries(
    Object.keys(headers).map((name) => [name, [headers[name]].flat().filter((one) => Buffer.isBuffer(one))]),
  ),
})

/** Sockets of which one breaks at a write: before it leaves, or after. */
const fragile = (cut: number, before: boolean): { readonly open: ISocketFactory; readonly broken: () => boolean } => {
  let writes = 0
  let broken = false
  return {
    broken: () => broken,
    open: ({ host, port, onConnect }) => {
      const socket = netConnect({ host, port, noDelay: true }, onConnect)
      const write = socket.write.bind(socket) as (data: Buffer | string, encoding?: BufferEncoding) => boolean
      socket.write = (data: Buffer | string, encoding?: unknown): boolean => {
        writes += 1
        if (writes < cut || broken) return write(data, encoding as BufferEncoding)
        broken = true
        if (!before) write(data, encoding as BufferEncoding)
        setImmediate(() => socket.destroy(new Error('cut')))
        return false
      }
      return socket
    },
  }
}

await withBroker('kafka', (url) => {
  const bench = benches()

  /** Dead letters of a service that need not be there. */
  const graveyard = async (group: string, partitions = 1) => {
    const here = bench([url])
    const { admin, producer, read } = await here.outside()
    const topic = `${here.prefix}placed--${group}--dlq`
    const retries = `${here.prefix}placed--${group}--retry`
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] })
    const store = async (
      options: Partial<KafkaOptions<'kafka'>> = {},
      log: (line: string) => void = () => undefined,
    ): Promise<LetterStore> => {
      const environment = { clock: realClock, random: secureRandom(), group, instance: 'keeper', log }
      const connection = await orThrow(here.transport(options).connect(environment))
      onTestFinished(() => connection.close())
      const [one, ...more] =
        connection.letters?.([
          { endpoint: 'placed', pattern: 'placed' },
          { endpoint: 'placed#2', pattern: 'placed' },
        ]) ?? []
      expect(more).toEqual([])
      if (one === undefined) throw new Error('there is no place for dead letters')
      return one
    }
    return {
      ...here,
      admin,
      topic,
      retries,
      store,
      read,
      bury: (messages: ReadonlyArray<Message>) => persistently(() => producer.send({ topic, messages: [...messages] })),
      /** The ids that the store shows. */
      shown: async (one: LetterStore): Promise<ReadonlyArray<string>> => {
        const ids: Array<string> = []
        await orThrow(one.read(({ messageId }) => ids.push(messageId) > 0))
        return ids
      },
      head: async (partition = 0): Promise<number> => {
        const [found] = await admin.fetchOffsets({ groupId: topic, topics: [topic] })
        return Number(found?.partitions.find((one) => one.partition === partition)?.offset)
      },
      bounds: async (partition = 0): Promise<ReadonlyArray<number>> => {
        const found = (await admin.fetchTopicOffsets(topic)).find((one) => one.partition === partition)
        return [Number(found?.low), Number(found?.high)]
      },
    }
  }

  test('what stays is written once more behind what goes, byte for byte, and what is settled is deleted', async () => {
    const { bury, store, read, retries, topic, head, bounds } = await graveyard('odd')
    const bytes = Buffer.from([0, 0xff, 0x80, 10])
    await bury([
      { ...letter(1, { constructor: 'c', several: ['a', bytes, ''], 'x-ü': 'ü' }), key: bytes, value: bytes },
      { ...letter(2), key: 'k' },
      { ...letter(3, { __proto__: 'p' }), value: null },
      letter(4),
    ])
    const before = (await read(topic)).map(seen)
    const one = await store()
    expect(await one.sweep(({ messageId }) => (messageId === 'id-2' ? 'redrive' : 'keep'))()).toEqual(
      E.right({ redriven: 1, dropped: 0 }),
    )
    expect((await read(topic)).map(seen)).toEqual([before[2], before[3], before[0]])
    expect([await head(), await bounds()]).toEqual([2, [2, 5]])
    const [back, ...more] = await read(retries)
    expect(more).toEqual([])
    expect(back?.key?.toString()).toBe('k')
    expect(back?.value?.toString()).toBe('2')
    expect(
      Object.fromEntries(Object.entries(back?.headers ?? {}).map(([name, value]) => [name, String(value)])),
    ).toEqual({
      ce_id: 'id-2',
      'taskwire-endpoint': 'placed',
      'taskwire-attempt': '1',
      'taskwire-origin': 'placed/0/2',
      'taskwire-replays': '1',
    })
  })

  test('a null among the headers of another program becomes an empty one: kafkajs cannot write it', () => {
    const headers = { nothing: null, some: [Buffer.from('a'), null] } as unknown as KafkaMessage['headers']
    const { headers: written } = sameRecord({ key: null, value: null, headers } as KafkaMessage)
    expect(written).toEqual({ nothing: [Buffer.alloc(0)], some: [Buffer.from('a'), Buffer.alloc(0)] })
  })

  test('nothing is written where nothing goes; of 1,300 the last goes alone, and each other one stays once', async () => {
    const { bury, store, shown, head, bounds } = await graveyard('many')
    const all = range(1_300)
    for (let n = 0; n < 1_300; n += 325) await bury(all.slice(n, n + 325).map((one) => letter(one)))
    const one = await store()
    expect(await orThrow(one.sweep(() => 'keep'))).toEqual({ redriven: 0, dropped: 0 })
    expect([await head(), await bounds()]).toEqual([-1, [0, 1_300]])
    const last = ({ messageId }: { readonly messageId: string }) => (messageId === 'id-1299' ? 'drop' : 'keep')
    expect(await orThrow(one.sweep(last))).toEqual({ redriven: 0, dropped: 1 })
    const left = await shown(one)
    expect(left).toHaveLength(1_299)
    expect(sorted(left)).toEqual(sorted(all.slice(0, -1).map((n) => `id-${n}`)))
  })

  test('of several partitions the oldest comes first, a stop leaves the rest, and each has a head of its own', async () => {
    const { bury, store, shown, read, retries, head } = await graveyard('wide', 3)
    const of = [2, 0, 1, 1, 2, 0, 0, 1, 2]
    await bury(of.map((partition, n) => ({ ...letter(n), partition })))
    const one = await store()
    const ids = range(9).map((n) => `id-${n}`)
    expect(await shown(one)).toEqual(ids)
    const verdicts = ['redrive', 'keep', 'drop', 'keep', 'redrive', 'stop'] as const
    let asked = 0
    expect(await orThrow(one.sweep(() => verdicts[asked++] ?? 'stop'))).toEqual({ redriven: 2, dropped: 1 })
    expect(asked).toBe(6)
    expect(idsOf(await read(retries)).toSorted()).toEqual(['id-0', 'id-4'])
    expect(await shown(one)).toEqual(['id-1', 'id-3', 'id-5', 'id-6', 'id-7', 'id-8'])
    expect([await head(0), await head(1), await head(2)]).toEqual([-1, 1, 2])
  })

  test('a head whose records are gone, and one of an earlier topic, begin at the first record there is', async () => {
    const { bury, store, shown, admin, topic } = await graveyard('aged')
    await bury(range(6).map((n) => letter(n)))
    const one = await store()
    await orThrow(one.sweep(({ messageId }) => (messageId === 'id-0' ? 'drop' : 'keep')))
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] })
    expect(await shown(one)).toEqual(['id-4', 'id-5'])
    expect(await orThrow(one.sweep(({ messageId }) => (messageId === 'id-4' ? 'redrive' : 'keep')))).toEqual({
      redriven: 1,
      dropped: 0,
    })
    expect(await shown(one)).toEqual(['id-5'])
    await admin.setOffsets({ groupId: topic, topic, partitions: [{ partition: 0, offset: '99' }] })
    expect(await shown(one)).toEqual(['id-5'])
  })

  test('without a topic to put it back to, and without leave to make one, a letter stays and the topic is named', async () => {
    const { bury, store, shown, retries, read, head } = await graveyard('bare')
    await bury([letter(1), letter(2)])
    const strict = await store({ createTopics: false })
    const all = (one: LetterStore) => one.sweep(({ messageId }) => (messageId === 'id-1' ? 'keep' : 'redrive'))()
    expect(await all(strict)).toEqual(E.left({ _tag: 'TopicMissing', topics: [retries] }))
    expect([await shown(strict), await head()]).toEqual([['id-1', 'id-2'], -1])
    expect(await all(await store())).toEqual(E.right({ redriven: 1, dropped: 0 }))
    expect(idsOf(await read(retries))).toEqual(['id-2'])
  })

  test('a letter arrives in the service that runs, also when its topic of retries has been deleted, long ago or just now', async () => {
    const { bury, serve, transport, admin, retries } = await graveyard('live')
    const starts: Array<string> = []
    const service = createMicroservice('live')
      .transport(transport({ createTopics: { partitions: 1, replicationFactor: 1 } }))
      .onEvent('placed', t.number, (n, { messageId, attempt }) => async () => {
        starts.push(`${n} ${messageId} ${attempt}`)
        return E.right(undefined)
      })
    await serve(service)
    for (const [n, deleted] of [
      [1, undefined],
      [2, 3_000],
      [3, 0],
      [4, undefined],
    ] as const) {
      if (deleted !== undefined) {
        await admin.deleteTopics({ topics: [retries] })
        await pause(deleted)
      }
      await bury([letter(n)])
      await until(
        () => 'it is put back',
        async () => {
          const report = await deadLetters(service, { log: false }).redrive()()
          return E.isRight(report) && report.right.redriven === 1
        },
      )
      await until(
        () => `it is handled (${starts.join()})`,
        () => starts.length >= n,
        60_000,
      )
    }
    expect(starts).toEqual(range(4).map((i) => `${i + 1} id-${i + 1} 1`))
    expect(await orThrow(deadLetters(service).list())).toEqual([])
  }, 180_000)

  test('many sweeps at once lose nothing, whatever each of them takes', async () => {
    const { bury, store, shown, read, retries, admin } = await graveyard('busy', 2)
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: retries }] })
    const ids = range(200).map((n) => `id-${n}`)
    await bury(range(200).map((n) => ({ ...letter(n), partition: n % 2 })))
    const stores = await Promise.all(range(4).map(() => store()))
    await Promise.all(
      stores.map((one, i) =>
        orThrow(one.sweep(({ messageId }) => (Number(messageId.slice(3)) % 5 === i ? 'redrive' : 'keep'))),
      ),
    )
    const back = new Set(idsOf(await read(retries)))
    const [first] = stores
    const left = first === undefined ? [] : await shown(first)
    expect(sorted([...back, ...left])).toEqual(sorted(ids))
    expect([...back].filter((id) => Number(id.slice(3)) % 5 === 4)).toEqual([])
  })

  test('a connection that breaks at any request of a sweep, before or after the broker has it, loses nothing', async () => {
    const { bury, store, shown, read, retries, topic, admin, head } = await graveyard('cut')
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: retries }] })
    const verdicts: Readonly<Record<string, LetterVerdict>> = { 'id-0': 'redrive', 'id-2': 'drop', 'id-3': 'redrive' }
    let cuts = 0
    let written = 0
    for (let cut = 1; ; cut++) {
      const group = `${cut}`
      const of = (n: number): Message => letter(n, { ce_id: `${group}-${n}`, 'taskwire-dead-message-id': `id-${n}` })
      await bury(range(5).map(of))
      const net = fragile(Math.ceil(cut / 2), cut % 2 === 1)
      const one = await store({ kafkajs: { socketFactory: net.open, requestTimeout: 3_000 } })
      const swept = await one.sweep(({ messageId }) => verdicts[messageId] ?? 'keep')()
      const back = idsOf(await read(retries)).slice(written)
      written += back.length
      const here = await store()
      const from = await head()
      const left = idsOf((await read(topic)).filter(({ offset }) => Number(offset) >= from)).filter((id) =>
        id.startsWith(`${group}-`),
      )
      const ids = (...all: ReadonlyArray<number>) => all.map((n) => `${group}-${n}`)
      // n.b. those that go are there, or still here; after a success they are nowhere else
      expect(left).toEqual(expect.arrayContaining([...ids(1, 4)]))
      if (E.isRight(swept)) {
        expect(sorted(back)).toEqual(ids(0, 3))
        expect(sorted(left)).toEqual(ids(1, 4))
      } else {
        expect(sorted([...back, ...left])).toEqual(expect.arrayContaining(ids(0, 1, 3, 4)))
      }
      await orThrow(here.sweep(() => 'drop'))
      expect(await shown(here)).toEqual([])
      if (!net.broken()) break
      cuts += 1
    }
    expect(cuts).toBeGreaterThan(40)
  }, 300_000)

  test('an unreachable broker, and a connection that is closed, are Lefts at once', async () => {
    const port = await freePort()
    const { store } = await graveyard('far')
    const one = await store({ brokers: [`127.0.0.1:${port}`] })
    expect(await one.read(() => true)()).toMatchObject(E.left({ _tag: 'TransportFailed' }))
    expect(await one.sweep(() => 'drop')()).toMatchObject(E.left({ _tag: 'TransportFailed' }))
  })
})

/** What `deadLetters` makes of a selection, whatever keeps the letters. What each transport does is in contract.ts. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import {
  createClient,
  createMicroservice,
  deadLetters,
  listen,
  orThrow,
  type AnyEndpoint,
  type DeadLetter,
  type LetterSource,
  type LetterVerdict,
  type Service,
  type Transport,
  type TransportFailed,
} from 'taskwire'
import { memory, memoryBus } from 'taskwire/memory'
import { tcp } from 'taskwire/tcp'
import { describe, expect, test } from 'vitest'
import { bytes, fake, type FakeOptions } from '../runtime/support/fake.js'

const gone: TransportFailed = { _tag: 'TransportFailed', name: 'fake', message: 'gone', cause: undefined }

const letter = (messageId: string, payload: unknown, more: Partial<DeadLetter> = {}): DeadLetter => ({
  messageId,
  endpoint: 'e',
  pattern: 'e',
  reason: {
    _tag: 'HandlerFailed',
    message: 'the handler failed',
    errorId: undefined,
    attempts: 1,
    firstFailedAt: 1,
    lastFailedAt: 2,
  },
  body: bytes(payload),
  headers: {},
  correlationId: messageId,
  key: undefined,
  source: 'somewhere',
  service: 's',
  instance: 'i',
  time: 3,
  replays: 0,
  ...more,
})

/** A transport with such letters in such places; after so many verdicts it is gone. */
const keeping = (
  places: ReadonlyArray<ReadonlyArray<DeadLetter>>,
  options: FakeOptions = {},
  breaksAfter = Infinity,
) => {
  const verdicts: Array<readonly [string, LetterVerdict]> = []
  const sources: Array<ReadonlyArray<LetterSource>> = []
  let reads = 0
  const one = fake({
    ...options,
    letters: (given) => {
      sources.push(given)
      return places.map((all) => ({
        read: (look) => async () => {
          reads += 1
          all.every((each) => look(each))
          return E.right(undefined)
        },
        sweep: (verdict) => async () => {
          const done = { redriven: 0, dropped: 0 }
          for (const each of all) {
            if (verdicts.length >= breaksAfter) return E.left(gone)
            const is = verdict(each)
            verdicts.push([each.messageId, is])
            if (is === 'stop') break
            if (is === 'redrive') done.redriven += 1
            if (is === 'drop') done.dropped += 1
          }
          return E.right(done)
        },
      }))
    },
  })
  return { ...one, verdicts, sources, reads: () => reads }
}

const failing = (transport: Transport) =>
  createMicroservice('s')
    .transport(transport)
    .onEvent('e', t.number, () => async () => E.left('no'))

/** Emits to a running service until all of it has become dead letters. */
const buried = async <T extends Transport>(
  service: Service<T, AnyEndpoint>,
  emits: ReadonlyArray<readonly [string, unknown]>,
) => {
  const running = await orThrow(listen(service, { log: false }))
  const clients = service.transports.map((transport) => createClient(transport))
  let count = 0
  running.outcome$.subscribe(() => (count += 1))
  for (const client of clients) for (const [pattern, payload] of emits) await orThrow(client.emit(pattern, payload))
  while (count < emits.length * clients.length) await new Promise((resolve) => setImmediate(resolve))
  await Promise.all(clients.map(({ close }) => close()))
  await running.stop()
}

describe('dead letters are not looked for', () => {
  const nothing = createMicroservice('s').onEvent('e', t.number, () => async () => E.left('no'))
  const wire = tcp({ port: 0 })
  const keeper = keeping([])
  const both = createMicroservice('s')
    .transport(wire)
    .transport(keeper.transport)
    .onEvent('e', t.number, () => async () => E.left('no'))

  test.each([
    ['on no transport', nothing, {}, { _tag: 'InvalidDefinition', errors: [{ _tag: 'NoTransport' }] }],
    [
      'on one that keeps none',
      nothing.transport(wire),
      {},
      { _tag: 'Unsupported', transport: 'tcp', capability: 'deadLetter' },
    ],
    [
      'on one that keeps none beside another',
      both,
      { on: ['tcp'] },
      { _tag: 'Unsupported', transport: 'tcp', endpoint: undefined },
    ],
    [
      'on one that is not there',
      both,
      { on: ['fake', 'fak'] },
      { errors: [{ _tag: 'UnknownToken', token: 'fak', pattern: 'the selection' }] },
    ],
    [
      'nowhere',
      both,
      { on: [] },
      { errors: [{ _tag: 'InvalidOption', option: 'on', expected: 'at least one token' }] },
    ],
    [
      'for a definition with mistakes',
      both.onMessage('a.*', t.string, () => async () => E.right(undefined)),
      {},
      { errors: [{ _tag: 'InvalidPattern' }] },
    ],
    ['up to a limit below 0', both, { limit: -1 }, { errors: [{ _tag: 'InvalidOption', option: 'limit' }] }],
    [
      'up to a limit that is no number',
      both,
      { limit: Number.NaN },
      { errors: [{ _tag: 'InvalidOption', option: 'limit' }] },
    ],
  ] as ReadonlyArray<
    readonly [
      string,
      Service<Transport, AnyEndpoint>,
      { readonly on?: ReadonlyArray<string>; readonly limit?: number },
      object,
    ]
  >)('%s', async (_, service, selection, error) => {
    const letters = deadLetters(service)
    for (const result of [letters.list(selection), letters.redrive(selection), letters.purge(selection)])
      expect(await result()).toMatchObject({ _tag: 'Left', left: error })
    expect(keeper.journal).toEqual([])
  })

  test('where connecting fails', async () => {
    const { transport, journal } = keeping([[letter('1', 1)]], { connect: async () => E.left(gone) })
    expect(await deadLetters(failing(transport)).list()()).toEqual(E.left(gone))
    expect(journal).toEqual(['connect'])
  })
})

describe('a selection', () => {
  test('is looked at over a connection of its own, which is closed', async () => {
    const { transport, journal, environment } = keeping([[letter('1', 1)]])
    const letters = deadLetters(failing(transport))
    expect(journal).toEqual([])
    await orThrow(letters.list())
    await orThrow(letters.redrive())
    expect(journal).toEqual(['connect', 'close', 'connect', 'close'])
    expect(environment().group).toBe('s')
  })

  test('names the event endpoints of the transport, and no others', async () => {
    const { transport, sources } = keeping([])
    const service = createMicroservice('s')
      .transport(transport)
      .transport(memory())
      .onEvent('a.*', t.number, () => async () => E.right(undefined))
      .onEvent('a.*', t.number, () => async () => E.right(undefined))
      .onEvent({ b: 1 }, t.number, () => async () => E.right(undefined), { id: 'own', on: ['fake'] })
      .onEvent('c', t.number, () => async () => E.right(undefined), { on: ['memory'] })
      .onMessage('d', t.number, () => async () => E.right(undefined))
    await orThrow(deadLetters(service).list())
    expect(sources).toEqual([
      [
        { endpoint: 'a.*', pattern: 'a.*' },
        { endpoint: 'a.*#2', pattern: 'a.*' },
        { endpoint: 'own', pattern: '{"b":1}' },
      ],
    ])
  })

  test('is of the transports that are named, or of all that keep dead letters', async () => {
    const [a, b] = [memory({ name: 'a' }), memory({ name: 'b' })]
    const service = createMicroservice('s')
      .transport(a)
      .transport(b)
      .transport(tcp({ port: 0 }))
      .onEvent('e', t.number, () => async () => E.left('no'))
    await buried({ ...service, transports: [a, b] }, [
      ['e', 1],
      ['e', 2],
    ])
    const letters = deadLetters(service)
    const seen = (all: ReadonlyArray<{ readonly name: string; readonly payload: unknown }>) =>
      all.map(({ name, payload }) => [name, payload])
    const ofA = [1, 2].map((n) => ['a', E.right(n)])
    const ofB = [1, 2].map((n) => ['b', E.right(n)])
    expect(seen(await orThrow(letters.list()))).toEqual([...ofA, ...ofB])
    expect(seen(await orThrow(letters.list({ on: ['b'] })))).toEqual(ofB)
    expect(await orThrow(letters.purge({ on: ['a'] }))).toEqual({ purged: 2, kept: 0 })
    expect(await orThrow(letters.redrive({ where: ({ name }) => name === 'a' }))).toMatchObject({
      redriven: 0,
      kept: 2,
    })
    expect(seen(await orThrow(letters.list({ limit: 1 })))).toEqual(ofB.slice(0, 1))
  })

  test('goes no further than its limit: not to the next place, and not to the next transport', async () => {
    const first = keeping([[letter('1', 1), letter('2', 2)], [letter('3', 3)]], { name: 'first' })
    const second = keeping([[letter('4', 4)]], { name: 'second' })
    const service = { ...failing(first.transport), transports: [first.transport, second.transport] }
    expect(await orThrow(deadLetters(service).purge({ limit: 1 }))).toEqual({ purged: 1, kept: 0 })
    expect(first.verdicts).toEqual([
      ['1', 'drop'],
      ['2', 'stop'],
    ])
    expect(second.journal).toEqual([])
    expect(await orThrow(deadLetters(service).list({ limit: 0 }))).toEqual([])
    expect(await orThrow(deadLetters(service).list({ limit: 4 }))).toHaveLength(4)
  })

  test('asks for nothing more once it has thrown; what was done before stays done', async () => {
    const { transport, verdicts, journal } = keeping([
      [letter('1', 1), letter('2', 2), letter('3', 3)],
      [letter('4', 4)],
    ])
    const where = ({ messageId }: { readonly messageId: string }): boolean => {
      if (messageId === '2') throw new Error('secret')
      return true
    }
    const letters = deadLetters(failing(transport))
    const error = {
      _tag: 'InvalidOption',
      option: 'where',
      expected: 'a function that does not throw',
      pattern: undefined,
    }
    expect(await letters.purge({ where })()).toEqual(E.left({ _tag: 'InvalidDefinition', errors: [error] }))
    expect(verdicts).toEqual([
      ['1', 'drop'],
      ['2', 'stop'],
    ])
    expect(await letters.list({ where })()).toMatchObject({ left: { _tag: 'InvalidDefinition' } })
    expect(journal).toEqual(['connect', 'close', 'connect', 'close'])
  })

  test('changes nothing that it looks at', async () => {
    const transport = memory()
    const service = failing(transport)
    await buried(service, [['e', 1]])
    const letters = deadLetters(service)
    await orThrow(letters.list({ where: ({ body }) => (body?.fill(0), true) }))
    const [looked] = transport.bus.deadLetters()
    looked?.body.fill(0)
    expect(await orThrow(letters.list())).toMatchObject([{ payload: E.right(1), body: bytes(1) }])
  })

  test('that ends early is a Left, and its connection is closed', async () => {
    const { transport, journal } = keeping([[letter('1', 1), letter('2', 2)]], {}, 1)
    expect(await deadLetters(failing(transport)).redrive()()).toEqual(E.left(gone))
    expect(journal).toEqual(['connect', 'close'])
  })
})

describe('a redrive', () => {
  const all = [letter('1', 1), letter('2', 'secret'), letter('3', 3, { endpoint: 'other' }), letter('4', 4)]

  test('leaves to the letters what would be refused, and says where it is wrong', async () => {
    const { transport, verdicts, reads } = keeping([all])
    const letters = deadLetters(failing(transport))
    const report = {
      redriven: 2,
      refused: 2,
      refusals: [
        { name: 'fake', messageId: '2', endpoint: 'e', issues: [{ path: '', expected: 'number' }] },
        {
          name: 'fake',
          messageId: '3',
          endpoint: 'other',
          issues: [{ path: '', expected: 'an endpoint with the id other' }],
        },
      ],
      kept: 0,
    }
    expect(await orThrow(letters.redrive({ dryRun: true }))).toEqual(report)
    expect([verdicts, reads()]).toEqual([[], 1])
    expect(await orThrow(letters.redrive())).toEqual(report)
    expect(verdicts).toEqual([
      ['1', 'redrive'],
      ['2', 'keep'],
      ['3', 'keep'],
      ['4', 'redrive'],
    ])
  })

  test('counts against its limit what it refuses', async () => {
    const { transport } = keeping([all])
    expect(await orThrow(deadLetters(failing(transport)).redrive({ limit: 3 }))).toMatchObject({
      redriven: 1,
      refused: 2,
    })
  })

  test('names twenty refusals and counts them all', async () => {
    const { transport } = keeping([Array.from({ length: 25 }, (_, i) => letter(String(i), 'secret'))])
    const report = await orThrow(deadLetters(failing(transport)).redrive())
    expect([report.refused, report.refusals.length]).toEqual([25, 20])
    expect(JSON.stringify(report)).not.toContain('secret')
  })

  test('refuses what has no body, and what is larger than the transport takes', async () => {
    const { transport } = keeping([[letter('1', 1, { body: undefined }), letter('2', 12_345)]], { maxMessageBytes: 4 })
    const letters = deadLetters(failing(transport))
    expect((await orThrow(letters.redrive())).refusals.map(({ issues }) => issues[0]?.expected)).toEqual([
      'a body: it was too large to be kept',
      'at most 4 bytes',
    ])
    expect(await orThrow(letters.list())).toMatchObject([{ body: undefined, payload: { _tag: 'Left' } }, {}])
  })

  test('refuses what a codec throws at, without its words', async () => {
    const broken = new t.Type<number>(
      'broken',
      t.number.is,
      () => {
        throw new Error('secret')
      },
      t.identity,
    )
    const { transport } = keeping([[letter('1', 1)]])
    const service = createMicroservice('s')
      .transport(transport)
      .onEvent('e', broken, () => async () => E.right(undefined))
    const report = await orThrow(deadLetters(service).redrive())
    expect(report).toMatchObject({
      refused: 1,
      refusals: [{ issues: [{ expected: 'a payload that can be read without an error' }] }],
    })
  })

  test('reads with the format of the service, and runs neither middleware nor handlers', async () => {
    const { transport } = keeping([[letter('1', undefined, { body: new Uint8Array([7, 8]) })]])
    let ran = 0
    const service = createMicroservice('s', {
      serde: { contentType: 'x', parse: (body) => E.right(body.length), serialize: () => E.right('') },
    })
      .use((next) => (arrival) => ((ran += 1), next(arrival)))
      .transport(transport)
      .onEvent('e', t.number, () => async () => ((ran += 1), E.right(undefined)))
    expect(await orThrow(deadLetters(service).list())).toMatchObject([{ payload: E.right(2) }])
    expect(await orThrow(deadLetters(service).redrive())).toMatchObject({ redriven: 1 })
    expect(ran).toBe(0)
  })
})

describe('in memory', () => {
  test('a letter says what it was sent to, where a wildcard or an object matched it', async () => {
    const transport = memory()
    const service = createMicroservice('s')
      .transport(transport)
      .onEvent('a.*', t.number, () => async () => E.left('no'))
      .onEvent({ b: 1 }, t.number, () => async () => E.left('no'))
    await buried(service, [['a.x', 1]])
    const client = createClient(transport)
    const running = await orThrow(listen(service, { log: false }))
    await orThrow(client.emit({ b: 1 }, 2))
    while (transport.bus.deadLetters().length < 2) await new Promise((resolve) => setImmediate(resolve))
    await client.close()
    await running.stop()
    expect((await orThrow(deadLetters(service).list())).map(({ pattern, endpoint }) => [pattern, endpoint])).toEqual([
      ['a.x', 'a.*'],
      ['{"b":1}', '{"b":1}'],
    ])
  })

  test('a destination of its own is the same list, and letters of other services are not shown', async () => {
    const bus = memoryBus()
    const named = (name: string, deadLetter: string | true) =>
      createMicroservice(name)
        .transport(memory({ bus }))
        .onEvent('e', t.number, () => async () => E.left('no'), { deadLetter })
    await buried(named('a', 'elsewhere'), [['e', 1]])
    await buried(named('b', true), [['e', 2]])
    expect(bus.deadLetters().map(({ service, to }) => [service, to])).toEqual([
      ['a', 'elsewhere'],
      ['b', undefined],
    ])
    expect(await orThrow(deadLetters(named('a', true)).purge({}))).toEqual({ purged: 1, kept: 0 })
    expect(bus.deadLetters().map(({ service }) => service)).toEqual(['b'])
  })

  test('those of a service without a name stay where nobody can have them back, and can be dropped', async () => {
    const transport = memory()
    const service = { ...failing(transport), name: '' }
    await buried(service, [['e', 1]])
    const letters = deadLetters(service)
    expect(await orThrow(letters.list())).toHaveLength(1)
    expect(await orThrow(letters.redrive())).toMatchObject({ redriven: 0 })
    expect(await orThrow(letters.purge({}))).toEqual({ purged: 1, kept: 0 })
  })
})

import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import {
  createMicroservice,
  listen,
  type ConnectError,
  type ListenOptions,
  type Running,
  type Service,
  type StartError,
} from 'taskwire'
import { virtualClock, type VirtualClock } from 'taskwire/testing'
import { describe, expect, test, vi } from 'vitest'
import type { Transport } from '../../lib/transport/transport.js'
import { fake, type FakeOptions } from './support/fake.js'
import { gate, turn } from './support/stage.js'

const ok = () => TE.right(undefined)
const failed: ConnectError = { _tag: 'TransportFailed', name: 'b', message: 'absent', cause: undefined }
const left = TE.left(failed)

const two = (a: FakeOptions = {}, b: FakeOptions = {}) => {
  const [first, second] = [fake({ name: 'a', ...a }), fake({ name: 'b', ...b })]
  const service = createMicroservice('service')
    .transport(first.transport)
    .transport(second.transport)
    .onEvent('e', t.unknown, ok)
  return { first, second, service }
}

/** Starts it in virtual time and waits for `ms`. */
const start = async (
  service: Service,
  ms = 0,
  options: ListenOptions = {},
): Promise<{ time: VirtualClock; result: Either<StartError, Running> | undefined; log: ReadonlyArray<string> }> => {
  const time = virtualClock()
  const log: Array<string> = []
  let result: Either<StartError, Running> | undefined
  const started = listen(service, { clock: time.clock, log: (line) => log.push(line), ...options })()
  void started.then((one) => (result = one))
  await time.advance(ms)
  await turn()
  return { time, result, log }
}

describe('listen', () => {
  test('connects and subscribes every transport, and resolves when the last one is live', async () => {
    let live: () => void = () => undefined
    const { first, second, service } = two(
      {},
      { subscribe: () => new Promise((resolve) => (live = () => resolve(E.right(undefined)))) },
    )
    const { result, time } = await start(service)
    expect([first.journal, second.journal, result]).toEqual([
      ['connect', 'subscribe'],
      ['connect', 'subscribe'],
      undefined,
    ])
    live()
    await turn()
    expect([first.journal, time.pending()]).toEqual([['connect', 'subscribe'], 0])
  })

  test('gives each transport the endpoints bound to it, with id, kind, pattern and concurrency', async () => {
    const [a, b] = [fake({ name: 'a' }), fake({ name: 'b' })]
    const service = createMicroservice('service')
      .transport(a.transport)
      .transport(b.transport)
      .onEvent('user.*', t.unknown, ok, { id: 'users', concurrency: 3 })
      .onEvent('e', t.unknown, ok, { on: ['b'] })
      .onMessage({ cmd: 'sum' }, t.unknown, ok, { on: ['a'] })
    await start(service)
    const said = (subscriptions: typeof a.subscriptions) =>
      subscriptions.map(({ endpoint, kind, pattern, concurrency }) => [endpoint, kind, pattern, concurrency])
    expect(said(a.subscriptions)).toEqual([
      ['users', 'event', 'user.*', 3],
      ['{"cmd":"sum"}', 'message', '{"cmd":"sum"}', 32],
    ])
    expect(said(b.subscriptions)).toEqual([
      ['users', 'event', 'user.*', 3],
      ['e', 'event', 'e', 32],
    ])
  })

  test('tells transports the group, one instance of its own, and one clock', async () => {
    const { first, second, service } = two()
    const { time } = await start(service)
    const environment = first.environment()
    expect(environment).toMatchObject({ group: 'service', instance: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(environment.clock).toBe(time.clock)
    expect(second.environment().instance).toBe(environment.instance)
    const other = two()
    await start(other.service)
    expect(other.first.environment().instance).not.toBe(environment.instance)
  })

  test('tells where each transport listens, for those that have an address', async () => {
    const { service } = two({ address: { host: 'h', port: 1 } })
    const { result } = await start(service)
    expect(result).toMatchObject({ right: { addresses: { a: { host: 'h', port: 1 } } } })
  })

  test.each<readonly [string, FakeOptions]>([
    ['cannot connect', { connect: left }],
    ['cannot subscribe', { subscribe: left }],
    ['rejects', { connect: () => Promise.reject(new Error('a bug')) }],
    [
      'throws',
      {
        subscribe: () => {
          throw new Error('a bug')
        },
      },
    ],
  ])('closes everything again when one transport %s, and leaves no timer', async (_, broken) => {
    const { first, second, service } = two({}, broken)
    const { result, time } = await start(service)
    expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed', name: 'b' } })
    // It may still have been subscribing: the failure of one is not kept waiting for the other.
    expect(first.journal.filter((step) => step !== 'stopIntake')).toEqual(['connect', 'subscribe', 'close'])
    expect(second.journal.includes('close')).toBe(second.journal.includes('subscribe'))
    expect(time.pending()).toBe(0)
  })

  test('answers with the first failure at once, and closes what connects afterwards', async () => {
    let connect: () => void = () => undefined
    const slow = fake({
      name: 'a',
      connect: () => new Promise((resolve) => (connect = () => resolve(E.right(undefined)))),
    })
    const service = createMicroservice('service')
      .transport(slow.transport)
      .transport(fake({ name: 'b', connect: left }).transport)
    const { result } = await start(service)
    expect(result).toEqual(E.left(failed))
    connect()
    await turn()
    expect(slow.journal).toEqual(['connect', 'close'])
  })

  test('rolls back though a transport cannot close', async () => {
    const { first, service } = two({ close: () => Promise.reject(new Error('stuck')) }, { connect: left })
    const { result } = await start(service)
    expect(result).toEqual(E.left(failed))
    expect(first.journal).toContain('close')
  })

  test('lets what was delivered meanwhile end before it rolls back, and refuses the rest', async () => {
    const gated = gate()
    let fail: () => void = () => undefined
    const [a, b] = [
      fake({ name: 'a' }),
      fake({ name: 'b', connect: () => new Promise((resolve) => (fail = () => resolve(E.left(failed)))) }),
    ]
    const service = createMicroservice('service')
      .transport(a.transport)
      .transport(b.transport)
      .onEvent('e', t.unknown, gated.handler, { concurrency: 1 })
    const time = virtualClock()
    const started = listen(service, { clock: time.clock, log: false })()
    await turn()
    const running = a.push('e', 1)
    const waiting = a.push('e', 2)
    fail()
    await turn()
    expect(waiting.settlements).toMatchObject([{ _tag: 'Refuse', because: 'draining' }])
    expect(a.journal).not.toContain('close')
    gated.runs[0]?.finish()
    expect(await started).toEqual(E.left(failed))
    expect([running.settlements, gated.runs.length]).toEqual([[{ _tag: 'Ack' }], 1])
    expect(time.pending()).toBe(0)
  })

  test.each<readonly [string, FakeOptions]>([
    ['connect', { connect: () => new Promise(() => undefined) }],
    ['subscribe', { subscribe: () => new Promise(() => undefined) }],
  ])('waits startTimeout for a transport to %s, then gives up', async (_, absent) => {
    const { first, service } = two({}, absent)
    const early = await start(service, 499, { startTimeout: 500 })
    expect(early.result).toBeUndefined()
    await early.time.advance(1)
    await turn()
    expect(first.journal).toContain('close')
    expect(early.time.pending()).toBe(0)
    const { result } = await start(two({}, absent).service, 30_000)
    expect(result).toMatchObject({
      left: { _tag: 'TransportFailed', name: 'b', message: expect.stringContaining('30000') },
    })
  })

  test('says after startTimeout what the transport has said last, whatever is logged', async () => {
    const time = virtualClock()
    const { transport } = fake({})
    const connect: Transport['connect'] = (env) => () => {
      env.log('a: cannot be opened: not yet')
      env.log('a: cannot be opened: ECONNREFUSED')
      return new Promise(() => undefined)
    }
    const service = createMicroservice('service')
      .transport({ ...transport, connect })
      .onEvent('e', t.unknown, ok)
    const started = listen(service, { clock: time.clock, startTimeout: 500, log: false })()
    await time.advance(500)
    const message = 'did not become ready within 500 ms: a: cannot be opened: ECONNREFUSED'
    expect(await started).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed', message } })
  })

  test('startTimeout covers connecting and subscribing together', async () => {
    const slow = (time: () => VirtualClock) => (): Promise<Either<never, unknown>> =>
      new Promise((resolve) => time().clock.after(300, () => resolve(E.right(undefined))))
    const time = virtualClock()
    const one = fake({ connect: slow(() => time), subscribe: slow(() => time) })
    const service = createMicroservice('service').transport(one.transport).onEvent('e', t.unknown, ok)
    let result: Either<StartError, Running> | undefined
    void listen(service, { clock: time.clock, startTimeout: 500 })().then((given) => (result = given))
    await time.advance(500)
    await turn()
    expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
  })

  test('closes a connection that comes after startTimeout', async () => {
    const time = virtualClock()
    const late = fake({
      connect: () => new Promise((resolve) => time.clock.after(900, () => resolve(E.right(undefined)))),
    })
    const service = createMicroservice('service').transport(late.transport).onEvent('e', t.unknown, ok)
    const started = listen(service, { clock: time.clock, startTimeout: 500 })()
    await time.advance(1_000)
    expect(await started).toMatchObject({ _tag: 'Left' })
    expect(late.journal).toEqual(['connect', 'close'])
  })

  test('reports every mistake of the definition at once, and opens nothing', async () => {
    const { first, second, service } = two({ name: 'b', problems: [{ option: 'port', expected: 'a port' }] })
    const { result } = await start(
      service
        .onMessage('m', t.unknown, ok)
        .onMessage('m', t.unknown, ok)
        .onMessage('m.*', t.unknown, ok, { concurrency: 0 })
        .onEvent('', t.unknown, ok, { timeout: -1 }),
    )
    expect(result?._tag === 'Left' && result.left._tag === 'InvalidDefinition' ? result.left.errors : []).toEqual([
      expect.objectContaining({ _tag: 'InvalidPattern', pattern: 'm.*' }),
      expect.objectContaining({ _tag: 'InvalidPattern', pattern: '""' }),
      { _tag: 'DuplicatePattern', pattern: 'm' },
      { _tag: 'InvalidOption', option: 'concurrency', expected: 'a whole number from 1', pattern: 'm.*' },
      { _tag: 'InvalidOption', option: 'timeout', expected: 'milliseconds above 0', pattern: '""' },
      { _tag: 'InvalidOption', option: 'b.port', expected: 'a port', pattern: undefined },
      { _tag: 'DuplicateToken', token: 'b' },
    ])
    expect([first.journal, second.journal]).toEqual([[], []])
  })

  test.each<readonly [string, FakeOptions, (service: ReturnType<typeof two>['service']) => Service, unknown]>([
    [
      'deadLetter, asked for by an endpoint',
      { capabilities: { deadLetter: false } },
      (service) => service.onEvent('x', t.unknown, ok, { deadLetter: true }),
      { capability: 'deadLetter', endpoint: 'x' },
    ],
    [
      'deadLetter, by name',
      { capabilities: { deadLetter: false } },
      (service) => service.onEvent('x', t.unknown, ok, { deadLetter: 'elsewhere' }),
      { capability: 'deadLetter', endpoint: 'x' },
    ],
    [
      'a wildcard',
      { capabilities: { wildcards: false } },
      (service) => service.onEvent('x.#', t.unknown, ok),
      { capability: 'wildcards', endpoint: 'x.#' },
    ],
  ])('refuses %s where the transport lacks it, before it opens anything', async (_, lacking, define, said) => {
    const { first, second, service } = two({}, lacking)
    const { result } = await start(define(service))
    expect(result).toEqual(E.left({ _tag: 'Unsupported', transport: 'b', ...(said as object) }))
    expect([first.journal, second.journal]).toEqual([[], []])
  })

  test('refuses what the service requires of its transports, and asks it of those of an endpoint only', async () => {
    const a = fake({ name: 'a', capabilities: { durable: false, deadLetter: false, wildcards: false } })
    const requiring = createMicroservice('s', { require: ['durable'] }).transport(a.transport)
    const { result } = await start(requiring.onEvent('e', t.unknown, ok))
    expect(result).toEqual(E.left({ _tag: 'Unsupported', transport: 'a', capability: 'durable', endpoint: undefined }))
    const b = fake({ name: 'b' })
    const bound = createMicroservice('s')
      .transport(a.transport)
      .transport(b.transport)
      .onEvent('e.*', t.unknown, ok, { on: ['b'], deadLetter: true })
    expect((await start(bound)).result?._tag).toBe('Right')
  })

  test('asks what an included definition requires of the transports its endpoints listen on', async () => {
    const a = fake({ name: 'a', capabilities: { fanOut: false } })
    const b = fake({ name: 'b' })
    const child = createMicroservice('child', { require: ['fanOut'] }).onEvent('e', t.unknown, ok)
    const app = createMicroservice('app').transport(a.transport).transport(b.transport)
    const { result } = await start(app.include(child))
    expect(result).toEqual(E.left({ _tag: 'Unsupported', transport: 'a', capability: 'fanOut', endpoint: 'e' }))
    expect((await start(app.include(child, { on: ['b'] }))).result?._tag).toBe('Right')
    expect((await start(app.include(createMicroservice('between').include(child)))).result?._tag).toBe('Left')
  })

  test.each([
    ['nothing asked', {}],
    ['dropping asked', { deadLetter: false }],
  ] as const)('starts without a place for dead letters where there is %s', async (_, options) => {
    const a = fake({ capabilities: { deadLetter: false } })
    const service = createMicroservice('s', options).transport(a.transport).onEvent('e', t.unknown, ok)
    expect((await start(service)).result?._tag).toBe('Right')
  })
})

describe('the log', () => {
  const throws = (cause: unknown) => () => {
    throw cause
  }
  const run = async (cause: unknown, options: ListenOptions) => {
    const one = fake()
    const service = createMicroservice('s').transport(one.transport).onMessage('m', t.unknown, throws(cause))
    const time = virtualClock()
    await listen(service, { clock: time.clock, ...options })()
    return { one, pushed: one.push('m', 'payload') }
  }
  const errorIdOf = (pushed: { readonly settlements: ReadonlyArray<unknown> }): string =>
    (pushed.settlements[0] as { readonly failure: { readonly errorId: string } }).failure.errorId

  test('has one line for each defect, with the id that the caller was told', async () => {
    const lines: Array<string> = []
    const { pushed } = await run(new Error('line one\nline two\rthree'), { log: (line) => lines.push(line) })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(`taskwire: defect ${errorIdOf(pushed)} in m: `)
    expect(lines[0]).toContain('line one\\nline two\\rthree')
    expect(lines[0]).not.toMatch(/[\n\r]/)
    expect(lines[0]).not.toContain('payload')
  })

  test.each([
    ['undefined', undefined, 'a thrown undefined'],
    ['text', 'secret text', 'a thrown string'],
    ['an object with a message', { message: 'said' }, 'said'],
    [
      'an object that cannot be described',
      {
        get stack() {
          throw new Error('no')
        },
      },
      'an error that cannot be described',
    ],
    ['an object without a prototype', Object.create(null), 'a thrown object'],
  ])('describes %s', async (_, cause, said) => {
    const lines: Array<string> = []
    await run(cause, { log: (line) => lines.push(line) })
    expect(lines[0]?.endsWith(`in m: ${said}`)).toBe(true)
  })

  test('goes to stderr by default, and nowhere with `log: false`', async () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    await run(new Error('loud'), {})
    await run(new Error('silent'), { log: false })
    const written = write.mock.calls.map(([line]) => line)
    write.mockRestore()
    expect(written).toEqual([expect.stringMatching(/^taskwire: defect .*loud.*\n$/)])
  })

  test('that throws takes nothing down: neither a handler nor a transport', async () => {
    const { one, pushed } = await run(new Error('x'), { log: throws(new Error('disk full')) })
    expect(errorIdOf(pushed)).toMatch(/^[0-9a-f]{32}$/)
    expect(() => one.environment().log('trouble')).not.toThrow()
  })
})

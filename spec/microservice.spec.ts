import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import {
  createMicroservice,
  delays,
  event,
  message,
  validate,
  type AnyEndpoint,
  type Middleware,
  type Service,
} from 'taskwire'
import { memory, type Memory } from 'taskwire/memory'
import { inject } from 'taskwire/testing'
import { describe, expect, test } from 'vitest'

const ok = () => TE.right(undefined)
const pass: Middleware = (next) => next
const listening = () =>
  createMicroservice('s')
    .transport(memory({ name: 'a' }))
    .transport(memory({ name: 'b' }))
const endpoint = (service: Service, at = -1): AnyEndpoint => service.endpoints.at(at)!
const ons = (service: Service) => service.endpoints.map(({ on }) => on)

describe('every step of the builder', () => {
  const steps: ReadonlyArray<readonly [string, keyof Service, (s: ReturnType<typeof listening>) => Service]> = [
    ['transport', 'transports', (s) => s.transport(memory({ name: 'c' }))],
    ['onEvent', 'endpoints', (s) => s.onEvent('x', t.unknown, ok)],
    ['onMessage', 'endpoints', (s) => s.onMessage('x', t.unknown, ok)],
    ['handle, an event', 'endpoints', (s) => s.handle(event('x', t.unknown), ok)],
    ['handle, a message', 'endpoints', (s) => s.handle(message('x', { request: t.unknown }), ok)],
    ['include', 'endpoints', (s) => s.include(createMicroservice().onEvent('x', t.unknown, ok))],
    ['use', 'middleware', (s) => s.use(pass)],
  ]
  test.each(steps)('%s is a new value with one more of the %s, and leaves the old one unchanged', (_, field, step) => {
    const before = listening()
    const copy = { ...before }
    const after = step(before)
    expect(after).not.toBe(before)
    expect({ ...before }).toEqual(copy)
    expect(before[field]).toBe(copy[field])
    expect((after[field] as ReadonlyArray<unknown>).slice(0, -1)).toEqual(before[field])
    expect(after[field]).toHaveLength((before[field] as ReadonlyArray<unknown>).length + 1)
    for (const other of ['name', 'transports', 'endpoints', 'middleware', 'options', 'mistakes'] as const)
      if (other !== field) expect(after[other]).toEqual(before[other])
    expect(Object.isFrozen(after)).toBe(true)
  })

  test('can be taken from the same value twice: neither sees the other', () => {
    const base = listening()
    const [one, two] = [base.onEvent('one', t.unknown, ok), base.onEvent('two', t.unknown, ok)]
    expect([one, two].map((service) => service.endpoints.map(({ pattern }) => pattern))).toEqual([['one'], ['two']])
  })

  test('never throws, whatever it is given', () => {
    expect(() =>
      createMicroservice('s', { concurrency: -1 })
        .onEvent('' as never, t.unknown, ok)
        .onMessage([] as never, t.unknown, ok)
        .include(createMicroservice('child').transport(memory()) as never),
    ).not.toThrow()
  })
})

describe('an endpoint', () => {
  test('keeps its pattern, codecs, handler and origin as data', () => {
    const codec = t.type({ a: t.number })
    const reply = t.string
    const failure = t.literal('no')
    const service = createMicroservice('users')
      .onMessage({ cmd: 'x' }, codec, () => TE.right('r'), { reply, failure, concurrency: 2 })
      .onEvent('e', codec, ok, { retry: delays(1) })
    const [first, second] = service.endpoints
    expect(first).toMatchObject({
      _tag: 'OnMessage',
      pattern: { cmd: 'x' },
      origin: 'users',
      policy: { concurrency: 2 },
    })
    expect(first?._tag === 'OnMessage' ? [first.payload, first.reply, first.failure] : []).toEqual([
      codec,
      reply,
      failure,
    ])
    expect(second).toMatchObject({ _tag: 'OnEvent', pattern: 'e', on: undefined, middleware: [], handler: ok })
    expect(Object.keys(first?.policy ?? {})).toEqual(['concurrency'])
  })

  test('of a contract has what the contract says, and the policy of the handler', () => {
    const Paid = event('paid', t.type({ user: t.string }), { key: ({ user }) => user })
    const Get = message('get', { request: t.number, reply: t.string, failure: t.literal('no') })
    const service = listening()
      .handle(Paid, ok, { on: ['b'] })
      .handle(Get, () => TE.right('x'), { timeout: 5 })
    const [paid, get] = service.endpoints
    expect(paid).toMatchObject({ _tag: 'OnEvent', pattern: 'paid', payload: Paid.payload, on: ['b'] })
    expect(paid?.policy.orderingKey?.({ user: 'u' } as never)).toBe('u')
    expect(get).toMatchObject({ _tag: 'OnMessage', reply: t.string, failure: Get.failure, policy: { timeout: 5 } })
    const own = listening().handle(Paid, ok, { orderingKey: () => 'own' })
    expect(endpoint(own).policy.orderingKey?.({ user: 'u' } as never)).toBe('own')
  })

  test('inherits the defaults of its service, and its own options win', () => {
    const [retry, classify] = [delays(1), (): 'retryable' => 'retryable']
    const service = createMicroservice('s', {
      concurrency: 1,
      timeout: 2,
      retry,
      classify,
      deadLetter: false,
      require: ['durable'],
    })
      .onEvent('e', t.unknown, ok)
      .onEvent('f', t.unknown, ok, { concurrency: 9, deadLetter: 'x' })
    expect(endpoint(service, 0).policy).toEqual({ concurrency: 1, timeout: 2, retry, classify, deadLetter: false })
    expect(endpoint(service).policy).toEqual({ concurrency: 9, timeout: 2, retry, classify, deadLetter: 'x' })
  })
})

describe('include', () => {
  test('appends the endpoints of the child in their order, with their origin', () => {
    const child = createMicroservice('child').onEvent('c1', t.unknown, ok).onEvent('c2', t.unknown, ok)
    const service = createMicroservice('s').onEvent('a', t.unknown, ok).include(child).onEvent('b', t.unknown, ok)
    expect(service.endpoints.map(({ pattern, origin }) => [pattern, origin])).toEqual([
      ['a', 's'],
      ['c1', 'child'],
      ['c2', 'child'],
      ['b', 's'],
    ])
    expect(service.name).toBe('s')
  })

  test('puts the options of the service under those of the child', () => {
    const child = createMicroservice('child', { timeout: 1 }).onEvent('c', t.unknown, ok, { concurrency: 2 })
    const service = createMicroservice('s', { timeout: 9, concurrency: 9, deadLetter: false }).include(child)
    expect(endpoint(service).policy).toEqual({ timeout: 1, concurrency: 2, deadLetter: false })
  })

  test('binds with `on` what has no `on` of its own, over any number of levels', () => {
    const inner = createMicroservice<Memory<'b'>>('inner', { on: ['b'] }).onEvent('bound', t.unknown, ok)
    const child = createMicroservice('child').onEvent('free', t.unknown, ok)
    expect(ons(listening().include(child).include(inner))).toEqual([undefined, ['b']])
    expect(
      ons(
        listening()
          .include(child, { on: ['a'] })
          .include(inner, { on: ['a'] }),
      ),
    ).toEqual([['a'], ['b']])
    const middle = createMicroservice('middle').include(child)
    expect(ons(listening().include(middle, { on: ['b'] }))).toEqual([['b']])
  })

  test('wraps each child in its own middleware, within that of the service', async () => {
    const order: Array<string> = []
    const layer =
      (name: string): Middleware =>
      (next) =>
      (arrival) => {
        order.push(`${name} ${arrival.endpoint}`)
        return next(arrival)
      }
    const leaf = createMicroservice('leaf').use(layer('leaf')).onEvent('x', t.unknown, ok)
    const middle = createMicroservice('middle').onEvent('x', t.unknown, ok).include(leaf).use(layer('middle'))
    const service = createMicroservice('s').include(middle).use(layer('s')).onEvent('x', t.unknown, ok)
    await inject(service).emit('x')(1)()
    expect(order.filter((line) => line.endsWith('x'))).toEqual(['s x', 'middle x'])
    expect(order.filter((line) => line.endsWith('x#2'))).toEqual(['s x#2', 'middle x#2', 'leaf x#2'])
    expect(order.filter((line) => line.endsWith('x#3'))).toEqual(['s x#3'])
  })

  test('of a child with transports is a mistake that listen reports, and so are the mistakes of the child', () => {
    const grandchild = createMicroservice('grandchild').transport(memory())
    const child = createMicroservice('child').include(grandchild as never)
    const service = listening().include(child as never)
    expect(validate(service)).toEqual([{ _tag: 'IncludedTransports', child: 'grandchild' }])
  })
})

describe('createMicroservice', () => {
  test('without a name has none, and is empty', () => {
    const { name, transports, endpoints, middleware, options, mistakes } = createMicroservice()
    expect({ name, transports, endpoints, middleware, options, mistakes }).toEqual({
      name: '',
      transports: [],
      endpoints: [],
      middleware: [],
      options: {},
      mistakes: [],
    })
  })

  test('with `on` binds everything that is defined on it, in any way and at any later step', () => {
    const service = createMicroservice<Memory<'b'>>('s', { on: ['b'], timeout: 5 })
      .onEvent('1', t.unknown, ok)
      .use(pass)
      .onMessage('2', t.unknown, ok)
      .handle(event('3', t.unknown), ok)
      .handle(message('4', { request: t.unknown }), ok)
      .include(createMicroservice('child').onEvent('5', t.unknown, ok))
      .onMessage('6', t.unknown, ok, { on: ['a' as never] })
    expect(ons(service)).toEqual([['b'], ['b'], ['b'], ['b'], ['b'], ['a']])
    expect(service.options).toEqual({ timeout: 5 })
    expect(endpoint(service, 0).policy).toEqual({ timeout: 5 })
    expect(validate(listening().include(createMicroservice<Memory<'b'>>('x', { on: ['b'] }).onEvent('e', t.unknown, ok)))).toEqual([]) // prettier-ignore
  })
})

import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { concat, createMicroservice, empty, serviceMonoid, type Middleware, type Service } from 'taskwire'
import { memory } from 'taskwire/memory'
import { inject } from 'taskwire/testing'
import { describe, expect, test } from 'vitest'
import { resolveEndpoints } from '../../lib/core/validate.js'

/** Three services that differ in everything, and write down what runs. */
const cast = () => {
  const trace: Array<string> = []
  const layer =
    (name: string): Middleware =>
    (next) =>
    (arrival) =>
    async () => {
      trace.push(`${name}:${arrival.endpoint}`)
      return next(arrival)()
    }
  const handler = (name: string) => () => {
    trace.push(name)
    return TE.right(undefined)
  }
  const a = createMicroservice('', { concurrency: 1 })
    .transport(memory({ name: 'a' }))
    .use(layer('A'))
    .onEvent('e', t.unknown, handler('a'))
  const b = createMicroservice('b', { timeout: 7, require: ['fanOut'] })
    .transport(memory({ name: 'b' }))
    .onEvent('e', t.unknown, handler('b1'), { on: ['b'] })
    .include(createMicroservice('child').use(layer('C')).onEvent('e', t.unknown, handler('b2')))
    .use(layer('B'))
  const c = createMicroservice('c', { concurrency: 3, require: ['fanOut', 'durable'] }).onEvent(
    'e',
    t.unknown,
    handler('c'),
  )
  return { services: [a, b, c] as ReadonlyArray<Service>, trace }
}

/** Everything that can be told of a service from outside: what runs in which order, and what it is made of. */
const behaviour = async (compose: (services: ReadonlyArray<Service>) => Service): Promise<unknown> => {
  const { services, trace } = cast()
  const service = compose(services)
  const result = await inject(service).raw('e')(1)()
  const endpoints = E.getOrElseW(() => [])(resolveEndpoints(service))
  return {
    trace,
    result,
    name: service.name,
    transports: service.transports.map(({ name }) => name),
    options: service.options,
    mistakes: service.mistakes,
    endpoints: endpoints.map(({ id, endpoint }) => [id, endpoint.on, endpoint.origin, endpoint.policy]),
  }
}

describe('services under concat', () => {
  const x = (services: ReadonlyArray<Service>, i: number): Service => services[i]!

  test('are associative', async () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 1, 0],
    ] as const) {
      // prettier-ignore
      const [i, j, k] = order
      const left = await behaviour((s) => concat(concat(x(s, i), x(s, j)), x(s, k)))
      const right = await behaviour((s) => concat(x(s, i), concat(x(s, j), x(s, k))))
      expect(left).toEqual(right)
    }
  })

  test('have empty as their unit, on either side', async () => {
    for (const i of [0, 1, 2]) {
      const alone = await behaviour((s) => x(s, i))
      expect(await behaviour((s) => concat(empty, x(s, i)))).toEqual(alone)
      expect(await behaviour((s) => concat(x(s, i), empty))).toEqual(alone)
    }
  })

  test('keep the first name that is not empty, both transports, and everything that either requires', async () => {
    expect(await behaviour(([a, b, c]) => concat(concat(a!, b!), c!))).toMatchObject({
      name: 'b',
      transports: ['a', 'b'],
      options: { concurrency: 1, timeout: 7, require: ['fanOut', 'durable'] },
    })
  })

  test('keep the middleware of each to its own endpoints, in the order of definition', async () => {
    expect(await behaviour(([a, b, c]) => concat(concat(a!, b!), c!))).toMatchObject({
      trace: expect.arrayContaining(['A:e', 'a', 'B:e#2', 'b1', 'B:e#3', 'C:e#3', 'b2', 'c']),
    })
    const { trace } = (await behaviour(([a, , c]) => concat(a!, c!))) as { readonly trace: ReadonlyArray<string> }
    expect(trace).not.toContain('A:e#2')
  })

  test('form a Monoid of fp-ts', () => {
    expect(serviceMonoid.concat).toBe(concat)
    expect(serviceMonoid.empty).toBe(empty)
    expect(Object.isFrozen(empty)).toBe(true)
  })

  test('leave what they are made of unchanged', () => {
    const { services } = cast()
    const before = JSON.stringify(services)
    concat(services[0]!, services[1]!)
    expect(JSON.stringify(services)).toBe(before)
  })
})

/** With a dedupe store a message has its effect once, and a request that is repeated gets the reply of the first. */
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import {
  delays,
  listen,
  createMicroservice,
  memoryDedupe,
  type DedupeStore,
  type MemoryDedupeOptions,
  type Microservice,
  type Service,
  type ServiceOptions,
  type Transport,
} from 'taskwire'
import { virtualClock } from 'taskwire/testing'
import { describe, expect, test } from 'vitest'
import { abortContext } from '../../lib/core/context.js'
import { fake } from './support/fake.js'
import { gate, stage, turn, type StageOptions } from './support/stage.js'

type Define = (service: Microservice<Transport<string>>) => Service

const open = async (define: Define, options: StageOptions & { readonly store?: MemoryDedupeOptions } = {}) => {
  const time = virtualClock()
  const store = memoryDedupe({ clock: time.clock, ...options.store })
  const at = await stage(define, {
    ...options,
    service: { dedupe: store, ...options.service },
    listen: { clock: time.clock },
  })
  return { ...at, time, store }
}
const once = { messageId: 'id' }
const keyOf = (kind: 'event' | 'message', endpoint: string): string => JSON.stringify(['service', kind, endpoint, 'id'])
const text = (body: unknown): string => (typeof body === 'string' ? body : new TextDecoder().decode(body as Uint8Array))
const right = <A>(result: E.Either<unknown, A>): A => {
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  return result.right
}

/** Another replica has claimed it, and is silent. */
const claimed = async (store: DedupeStore, key: string, leaseMs: number): Promise<string> => {
  const claim = right(await store.begin(key, leaseMs)())
  if (claim._tag !== 'Fresh') throw new Error(claim._tag)
  return claim.token
}

describe('an event that comes again', () => {
  test('after the first was handled is acknowledged, not run, and reported as a duplicate', async () => {
    const { handler, runs } = gate()
    const { push, reports } = await open((service) => service.onEvent('e', t.unknown, handler))
    const first = push('e', 1, once)
    await turn()
    runs[0]?.finish()
    await turn()
    const second = push('e', 1, once)
    await turn()
    expect([first.settlements, second.settlements]).toEqual([[{ _tag: 'Ack' }], [{ _tag: 'Ack' }]])
    expect(runs).toHaveLength(1)
    expect(reports).toMatchObject([
      { _tag: 'Done', settlement: 'Ack' },
      { _tag: 'Duplicate', settlement: 'Ack', endpoint: 'e', messageId: 'id' },
    ])
  })

  test('while the first is running waits for it, and is acknowledged without a start', async () => {
    const { handler, runs } = gate()
    const { push, time } = await open((service) => service.onEvent('e', t.unknown, handler))
    const all = [push('e', 1, once), push('e', 1, once), push('e', 1, once)]
    await time.advance(5_000)
    expect(runs).toHaveLength(1)
    runs[0]?.finish()
    await time.advance(1_000)
    expect(runs).toHaveLength(1)
    expect(all.map(({ settlements }) => settlements)).toEqual(all.map(() => [{ _tag: 'Ack' }]))
  })

  test('is another message for another endpoint, and with another id', async () => {
    const { handler, runs } = gate()
    const { push } = await open((service) =>
      service.onEvent('e', t.unknown, handler).onEvent('e', t.unknown, handler).onMessage('e', t.unknown, handler),
    )
    push('e', 1, once)
    push('e#2', 1, once)
    push('e', 1, { messageId: 'other' })
    await turn()
    expect(runs).toHaveLength(3)
  })

  test('runs when nobody gave it its id: it may be another message', async () => {
    const { handler, runs } = gate()
    const { push } = await open((service) => service.onEvent('e', t.unknown, handler))
    push('e', 1, { ...once, identified: false })
    push('e', 1, { ...once, identified: false })
    await turn()
    expect(runs).toHaveLength(2)
  })

  test('runs where the endpoint has switched it off', async () => {
    const { handler, runs } = gate()
    const { push } = await open((service) => service.onEvent('e', t.unknown, handler, { dedupe: false }))
    push('e', 1, once)
    push('e', 1, once)
    await turn()
    expect(runs).toHaveLength(2)
  })

  test('is remembered by the store for as long as it says', async () => {
    const { handler, runs } = gate()
    const { push, time } = await open((service) => service.onEvent('e', t.unknown, handler), {
      store: { ttlMs: 1_000 },
    })
    push('e', 1, once)
    await turn()
    runs[0]?.finish()
    await time.advance(999)
    push('e', 1, once)
    await turn()
    expect(runs).toHaveLength(1)
    await time.advance(1)
    push('e', 1, once)
    await turn()
    expect(runs).toHaveLength(2)
  })

  test('with a payload that does not decode is no duplicate: each is set aside', async () => {
    const { push, store } = await open((service) => service.onEvent('e', t.string, () => TE.right(undefined)))
    const all = [push('e', 1, once), push('e', 1, once)]
    await turn()
    expect(all.map(({ settlements }) => settlements[0]?._tag)).toEqual(['DeadLetter', 'DeadLetter'])
    expect(right(await store.begin(keyOf('event', 'e'), 1)())._tag).toBe('Fresh')
  })
})

describe('the store hears', () => {
  /** A store that answers when the spec says so. */
  const slow = (time = virtualClock()) => {
    const behind = memoryDedupe({ clock: time.clock })
    const waiting: Array<() => void> = []
    const passed = () => new Promise<void>((resolve) => waiting.push(resolve))
    const store: DedupeStore = {
      ...behind,
      complete: (key, token, reply) => () => passed().then(behind.complete(key, token, reply)),
      abandon: (key, token) => () => passed().then(behind.abandon(key, token)),
    }
    return { time, store, waiting, let: () => waiting.shift()?.() }
  }

  test('of an event that was handled before it is acknowledged', async () => {
    const { handler, runs } = gate()
    const { time, store, waiting, ...own } = slow()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler), {
      service: { dedupe: store },
      listen: { clock: time.clock },
    })
    const pushed = push('e', 1, once)
    await turn()
    runs[0]?.finish()
    await turn()
    expect([waiting.length, pushed.settlements]).toEqual([1, []])
    own.let()
    await turn()
    expect(pushed.settlements).toEqual([{ _tag: 'Ack' }])
  })

  test('of a reply before it is sent', async () => {
    const { handler, runs } = gate()
    const { time, store, waiting, ...own } = slow()
    const { push } = await stage((service) => service.onMessage('m', t.unknown, handler), {
      service: { dedupe: store },
      listen: { clock: time.clock },
    })
    const pushed = push('m', 1, once)
    await turn()
    runs[0]?.finish(E.right('value'))
    await turn()
    expect([waiting.length, pushed.settlements]).toEqual([1, []])
    own.let()
    await turn()
    expect(pushed.settlements).toMatchObject([{ _tag: 'Reply', status: 'ok' }])
  })

  test.each<readonly [string, Parameters<Microservice['onEvent']>[3], string]>([
    ['a retry', { classify: () => 'retryable' }, 'Retry'],
    ['a dead letter', {}, 'DeadLetter'],
  ])('of an event that failed before it becomes %s', async (_, policy, settlement) => {
    const { handler, runs } = gate()
    const { time, store, waiting, ...own } = slow()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler, policy), {
      service: { dedupe: store },
      listen: { clock: time.clock },
    })
    const pushed = push('e', 1, once)
    await turn()
    runs[0]?.finish(E.left('no'))
    await turn()
    expect([waiting.length, pushed.settlements]).toEqual([1, []])
    own.let()
    await turn()
    expect(pushed.settlements.map(({ _tag }) => _tag)).toEqual([settlement])
    expect(right(await store.begin(keyOf('event', 'e'), 1)())._tag).toBe('Fresh')
  })
})

describe('an event that failed may run again', () => {
  test('in place, after a defect', async () => {
    const { handler, runs } = gate()
    const { push, time } = await open((service) => service.onEvent('e', t.unknown, handler))
    const pushed = push('e', 1, once)
    await turn()
    runs[0]?.reject(new Error('one'))
    await time.advance(1_000)
    runs[1]?.finish()
    await time.advance(10)
    expect(runs.map(({ context }) => context.attempt)).toEqual([1, 2])
    expect(pushed.settlements).toEqual([{ _tag: 'Ack' }])
  })

  test('as a delayed retry, and a duplicate that waited runs in its place', async () => {
    const { handler, runs } = gate()
    const { push, time } = await open((service) =>
      service.onEvent('e', t.unknown, handler, { classify: () => 'retryable' }),
    )
    push('e', 1, once)
    const second = push('e', 1, once)
    await turn()
    runs[0]?.finish(E.left('no'))
    await time.advance(1_000)
    expect(runs).toHaveLength(2)
    runs[1]?.finish()
    await time.advance(10)
    expect(second.settlements).toEqual([{ _tag: 'Ack' }])
    const retry = push('e', 1, { ...once, attempt: 2 })
    await turn()
    expect(retry.settlements).toEqual([{ _tag: 'Ack' }])
    expect(runs).toHaveLength(2)
  })

  test('in the process, where the transport cannot delay', async () => {
    const { handler, runs } = gate()
    const { push, time } = await open(
      (service) => service.onEvent('e', t.unknown, handler, { classify: () => 'retryable' }),
      { capabilities: { delayedRetry: false } },
    )
    const pushed = push('e', 1, once)
    await turn()
    runs[0]?.finish(E.left('no'))
    await time.advance(2_000)
    runs[1]?.finish()
    await time.advance(10)
    expect([runs.length, pushed.settlements]).toEqual([2, [{ _tag: 'Ack' }]])
  })

  test('after its time limit; and not, when its first start has ended well after all', async () => {
    const { handler, runs } = gate()
    const { push, time } = await open((service) => service.onEvent('e', t.unknown, handler, { timeout: 1_000 }))
    const pushed = push('e', 1, once)
    await time.advance(2_100)
    expect(pushed.settlements.map(({ _tag }) => _tag)).toEqual(['Retry'])
    push('e', 1, { ...once, attempt: 2 })
    await turn()
    expect(runs).toHaveLength(2)
    runs[1]?.finish(E.left('no'))
    await turn()
    runs[0]?.finish()
    await turn()
    const third = push('e', 1, { ...once, attempt: 3 })
    await turn()
    expect([runs.length, third.settlements]).toEqual([2, [{ _tag: 'Ack' }]])
  })

  test('in the process after its time limit, with a claim of its own', async () => {
    const { handler, runs } = gate()
    const { push, time, store } = await open(
      (service) => service.onEvent('e', t.unknown, handler, { timeout: 1_000 }),
      { capabilities: { delayedRetry: false } },
    )
    const pushed = push('e', 1, once)
    await time.advance(3_200)
    expect(runs).toHaveLength(2)
    expect(right(await store.begin(keyOf('event', 'e'), 1)())._tag).toBe('Running')
    runs[0]?.finish(E.left('late'))
    await time.advance(10)
    expect(right(await store.begin(keyOf('event', 'e'), 1)())._tag).toBe('Running')
    runs[1]?.finish()
    await time.advance(10)
    expect(pushed.settlements).toEqual([{ _tag: 'Ack' }])
  })
})

describe('a claim', () => {
  test('of a replica that died holds for the time limit and the grace of an event', async () => {
    const { handler, runs } = gate()
    const { push, time, store } = await open((service) => service.onEvent('e', t.unknown, handler, { timeout: 3_000 }))
    push('e', 1, once)
    await turn()
    await time.advance(3_990)
    expect(right(await store.begin(keyOf('event', 'e'), 1)())._tag).toBe('Running')
    await time.advance(10)
    expect(right(await store.begin(keyOf('event', 'e'), 1)())._tag).toBe('Fresh')
    expect(runs).toHaveLength(1)
  })

  test('that lapses lets the one that waits run, with all of its time limit', async () => {
    const { handler, runs } = gate()
    const { push, time, store } = await open((service) =>
      service.onEvent('e', t.unknown, handler, { timeout: 3_000, retry: delays() }),
    )
    await claimed(store, keyOf('event', 'e'), 20_000)
    const pushed = push('e', 1, once)
    await time.advance(19_900)
    expect([runs.length, pushed.settlements]).toEqual([0, []])
    await time.advance(3_000)
    expect([runs.length, pushed.settlements, runs[0]?.context.signal.aborted]).toEqual([1, [], false])
    runs[0]?.finish()
    await time.advance(10)
    expect(pushed.settlements).toEqual([{ _tag: 'Ack' }])
  })

  test.each<readonly [string, number | undefined, number | undefined, number]>([
    ['until the deadline of the caller', 10_000, undefined, 11_000],
    ['until the time limit of the endpoint, where that is shorter', 10_000, 2_000, 3_000],
    ['for a minute, where nothing limits it', undefined, undefined, 60_000],
    ['for an hour at most', 100_000_000, undefined, 3_600_000],
  ])('of a request holds %s', async (_, deadline, timeout, leaseMs) => {
    const leases: Array<number> = []
    const time = virtualClock()
    const behind = memoryDedupe({ clock: time.clock })
    const store: DedupeStore = {
      ...behind,
      begin: (key, ms) => {
        leases.push(ms)
        return behind.begin(key, ms)
      },
    }
    const { push } = await stage(
      (service) => service.onMessage('m', t.unknown, () => TE.right(1), timeout === undefined ? {} : { timeout }),
      { service: { dedupe: store }, listen: { clock: time.clock } },
    )
    push('m', 1, { ...once, ...(deadline === undefined ? {} : { deadline: time.clock.now() + deadline }) })
    await turn()
    expect(leases).toEqual([leaseMs])
  })
})

describe('a request that is repeated', () => {
  test.each<readonly [string, E.Either<unknown, unknown>, object]>([
    ['its reply', E.right({ n: 1 }), { _tag: 'Reply', status: 'ok' }],
    ['its declared failure', E.left('none'), { _tag: 'Reply', status: 'error' }],
  ])('gets %s, without a start', async (_, result, settlement) => {
    const { handler, runs } = gate()
    const { push, reports } = await open((service) =>
      service.onMessage('m', t.unknown, handler, { failure: t.unknown }),
    )
    const first = push('m', 1, once)
    await turn()
    runs[0]?.finish(result)
    await turn()
    const second = push('m', 1, once)
    await turn()
    expect(first.settlements).toMatchObject([settlement])
    expect(second.settlements).toMatchObject([settlement])
    const [one, two] = [first, second].map(({ settlements: [s] }) => (s?._tag === 'Reply' ? text(s.body) : ''))
    expect(two).toBe(one)
    expect(runs).toHaveLength(1)
    expect(reports[1]).toMatchObject({ _tag: 'Duplicate', settlement: 'Reply', kind: 'message' })
  })

  test('while the first is running waits, and gets its reply', async () => {
    const { handler, runs } = gate()
    const { push, time } = await open((service) => service.onMessage('m', t.unknown, handler))
    push('m', 1, once)
    const second = push('m', 1, { ...once, deadline: time.clock.now() + 10_000 })
    await time.advance(3_000)
    runs[0]?.finish(E.right('value'))
    await time.advance(1_000)
    expect(second.settlements).toMatchObject([{ _tag: 'Reply', status: 'ok' }])
    expect(runs).toHaveLength(1)
  })

  test('waits no longer than its own deadline', async () => {
    const { handler, runs } = gate()
    const { push, time } = await open((service) => service.onMessage('m', t.unknown, handler))
    push('m', 1, once)
    const second = push('m', 1, { ...once, deadline: time.clock.now() + 700 })
    await time.advance(699)
    expect(second.settlements).toEqual([])
    await time.advance(2)
    expect(second.settlements).toEqual([
      { _tag: 'Fail', failure: { _tag: 'TimeoutError', afterMs: 700, waitingFor: 'handler' } },
    ])
    expect(runs).toHaveLength(1)
  })

  test('is given up when it is cancelled while it waits', async () => {
    const { handler, runs } = gate()
    const { push, time } = await open((service) => service.onMessage('m', t.unknown, handler))
    push('m', 1, once)
    const second = push('m', 1, once)
    await time.advance(100)
    abortContext(second.context, 'cancelled')
    await time.advance(1_000)
    expect(second.settlements).toEqual([{ _tag: 'Fail', failure: { _tag: 'Cancelled' } }])
    expect(runs).toHaveLength(1)
  })

  test('after its handler has outlived its caller gets the reply that came too late', async () => {
    const { handler, runs } = gate()
    const { push, time } = await open((service) => service.onMessage('m', t.unknown, handler))
    const first = push('m', 1, { ...once, deadline: time.clock.now() + 1_000 })
    await time.advance(1_100)
    expect(first.settlements).toMatchObject([{ _tag: 'Fail', failure: { _tag: 'TimeoutError' } }])
    runs[0]?.finish(E.right('late'))
    await turn()
    const second = push('m', 1, { ...once, deadline: time.clock.now() + 1_000 })
    await turn()
    expect(second.settlements).toMatchObject([{ _tag: 'Reply', status: 'ok' }])
    expect(runs).toHaveLength(1)
  })

  test.each<readonly [string, (run: ReturnType<typeof gate>['runs'][number]) => void]>([
    ['a defect', (run) => run.reject(new Error('boom'))],
    ['a failure that nobody declared', (run) => run.finish(E.left('undeclared'))],
  ])('after %s runs again', async (_, fail) => {
    const { handler, runs } = gate()
    const { push } = await open((service) => service.onMessage('m', t.unknown, handler))
    const first = push('m', 1, once)
    await turn()
    fail(runs[0]!)
    await turn()
    expect(first.settlements).toMatchObject([{ _tag: 'Fail', failure: { _tag: 'Internal' } }])
    push('m', 1, once)
    await turn()
    expect(runs).toHaveLength(2)
  })

  test('is told so, when the reply was too large to be kept', async () => {
    const { handler, runs } = gate()
    const { push } = await open((service) => service.onMessage('m', t.unknown, handler), {
      store: { maxReplyBytes: 10 },
    })
    const first = push('m', 1, once)
    await turn()
    runs[0]?.finish(E.right('more than ten bytes'))
    await turn()
    const second = push('m', 1, once)
    await turn()
    expect(first.settlements).toMatchObject([{ _tag: 'Reply', status: 'ok' }])
    expect(second.settlements).toEqual([{ _tag: 'Fail', failure: { _tag: 'MessageTooLarge', limitBytes: 10 } }])
    expect(runs).toHaveLength(1)
  })

  test('gets the failure of a handler that has done its work, and whose reply could not be encoded', async () => {
    const { handler, runs } = gate()
    const { push } = await open((service) => service.onMessage('m', t.unknown, handler))
    const first = push('m', 1, once)
    await turn()
    runs[0]?.finish(E.right(1n))
    await turn()
    const second = push('m', 1, once)
    await turn()
    expect(first.settlements).toMatchObject([{ _tag: 'Fail', failure: { _tag: 'Internal' } }])
    expect(second.settlements).toEqual(first.settlements)
    expect(runs).toHaveLength(1)
  })

  test('runs each time when its sender gave it no id', async () => {
    const { handler, runs } = gate()
    const { push } = await open((service) => service.onMessage('m', t.unknown, handler))
    push('m', 1, { ...once, identified: false })
    push('m', 1, { ...once, identified: false })
    await turn()
    expect(runs).toHaveLength(2)
  })
})

describe('a store that does not answer', () => {
  const down: DedupeStore = {
    maxReplyBytes: 1,
    begin: () => TE.left({ _tag: 'DedupeUnavailable', message: 'gone' }),
    complete: () => TE.left({ _tag: 'DedupeUnavailable', message: 'gone' }),
    abandon: () => TE.left({ _tag: 'DedupeUnavailable', message: 'gone' }),
  }
  const rejects: DedupeStore = { ...down, begin: () => () => Promise.reject(new Error('secret')) }
  const throws: DedupeStore = {
    ...down,
    begin: () => {
      throw new Error('secret')
    },
  }
  const hangs: DedupeStore = { ...down, begin: () => () => new Promise(() => undefined) }

  test.each([
    ['says so', down],
    ['rejects', rejects],
    ['throws', throws],
    ['hangs', hangs],
  ])('and %s: an event is retried and never run, a request is Internal, with one line each', async (_, dedupe) => {
    const { handler, runs } = gate()
    const { push, time, log } = await stage(
      (service) => service.onEvent('e', t.unknown, handler).onMessage('m', t.unknown, handler),
      { service: { dedupe } },
    )
    const request = push('m', 1, once)
    await time.advance(5_000)
    expect(request.settlements).toMatchObject([{ _tag: 'Fail', failure: { _tag: 'Internal' } }])
    expect(log).toEqual([expect.stringContaining('dedupe store')])
    const event = push('e', 1, { ...once, attempt: 3 })
    await time.advance(5_000)
    expect(event.settlements).toMatchObject([{ _tag: 'Retry', attempt: 4, reason: { _tag: 'Defect' } }])
    expect(log).toHaveLength(2)
    expect(log.join()).not.toContain('secret')
    expect(runs).toHaveLength(0)
  })

  test('after the handler: what has happened is settled all the same, with a line', async () => {
    const { handler, runs } = gate()
    const { push, log } = await stage(
      (service) => service.onEvent('e', t.unknown, handler).onMessage('m', t.unknown, handler),
      { service: { dedupe: { ...down, begin: () => TE.right({ _tag: 'Fresh', token: '1' }) } } },
    )
    const event = push('e', 1, once)
    const request = push('m', 1, once)
    await turn()
    for (const run of runs) run.finish(E.right(undefined))
    await turn()
    expect(event.settlements).toEqual([{ _tag: 'Ack' }])
    expect(request.settlements).toMatchObject([{ _tag: 'Reply', status: 'ok' }])
    expect(log).toEqual([expect.stringContaining('gone'), expect.stringContaining('gone')])
  })

  test('and then does, too late: the claim that nobody waits for is given back', async () => {
    const time = virtualClock()
    const behind = memoryDedupe({ clock: time.clock })
    const late: DedupeStore = {
      ...behind,
      begin: (key, ms) => () =>
        new Promise((resolve, reject) => {
          time.clock.after(6_000, () => void behind.begin(key, ms)().then(resolve, reject))
        }),
    }
    const { push } = await stage((service) => service.onMessage('m', t.unknown, () => TE.right(1)), {
      service: { dedupe: late },
      listen: { clock: time.clock },
    })
    push('m', 1, once)
    await time.advance(6_100)
    expect(right(await behind.begin(keyOf('message', 'm'), 1)())._tag).toBe('Fresh')
  })
})

describe('a service that stops', () => {
  test('gives back what waits for another replica', async () => {
    const { handler, runs } = gate()
    const { push, time, store, running } = await open((service) =>
      service.onEvent('e', t.unknown, handler).onMessage('m', t.unknown, handler),
    )
    await claimed(store, keyOf('event', 'e'), 60_000)
    await claimed(store, keyOf('message', 'm'), 60_000)
    const all = [push('e', 1, once), push('m', 1, once)]
    await time.advance(1_000)
    const report = running.stop()
    await time.advance(1_000)
    expect(all.map(({ settlements }) => settlements)).toEqual(
      all.map(() => [{ _tag: 'Refuse', because: 'draining', limit: 0 }]),
    )
    expect(await report).toMatchObject({ unsettled: 0 })
    expect(runs).toHaveLength(0)
  })

  test('waits on for an event whose sender was told that it is accepted', async () => {
    const { handler, runs } = gate()
    const { push, time, store, running } = await open((service) => service.onEvent('e', t.unknown, handler))
    const token = await claimed(store, keyOf('event', 'e'), 60_000)
    const pushed = push('e', 1, { ...once, awaited: true })
    await time.advance(1_000)
    const report = running.stop()
    await time.advance(1_000)
    expect(pushed.settlements).toEqual([])
    await store.complete(keyOf('event', 'e'), token, undefined)()
    await time.advance(1_000)
    expect(pushed.settlements).toEqual([{ _tag: 'Ack' }])
    expect(await report).toMatchObject({ unsettled: 0 })
    expect(runs).toHaveLength(0)
  })
})

describe('the definition is refused', () => {
  const start = async (name: string, options: ServiceOptions): Promise<unknown> => {
    const service = createMicroservice(name, options)
      .transport(fake().transport)
      .onEvent('e', t.unknown, () => TE.right(undefined))
    const started = await listen(service)()
    if (E.isRight(started)) await started.right.stop()
    return E.isLeft(started) && started.left._tag === 'InvalidDefinition' ? started.left.errors : started._tag
  }

  test('without a name, which is a part of the key', async () => {
    expect(await start('', { dedupe: memoryDedupe() })).toEqual([
      expect.objectContaining({ _tag: 'InvalidOption', option: 'dedupe' }),
    ])
  })

  test('with a store whose options are out of their range', async () => {
    expect(await start('named', { dedupe: memoryDedupe({ ttlMs: 0, maxReplyBytes: -1 }) })).toMatchObject([
      { option: 'dedupe.ttlMs' },
      { option: 'dedupe.maxReplyBytes' },
    ])
  })

  test('with something that is no store', async () => {
    expect(await start('named', { dedupe: {} as DedupeStore })).toMatchObject([{ option: 'dedupe' }])
  })
})

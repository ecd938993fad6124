/** What waits: bounds, acceptance, cancellation, readiness. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { describe, expect, test } from 'vitest'
import { delays, type Microservice, type Transport } from 'taskwire'
import { abortContext } from '../../lib/core/context.js'
import { gate, stage, turn } from './support/stage.js'

const numbers = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)
const overloaded = { _tag: 'Refuse', because: 'overloaded', limit: 10_000 }

describe('what waits', () => {
  test('is at most 10,000 deliveries over all endpoints; one more is refused, and taken again once one has left', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) =>
      service
        .onEvent('e', t.unknown, handler, { concurrency: 1 })
        .onMessage('m', t.unknown, handler, { concurrency: 1 }),
    )
    push('e', 'runs')
    push('m', 'runs')
    const waiting = numbers(10_000).map((i) => push(i % 2 === 0 ? 'e' : 'm', i, i % 3 === 0 ? { key: 'k' } : {}))
    expect(waiting.every(({ settlements }) => settlements.length === 0)).toBe(true)
    expect(push('e', 'over').settlements).toEqual([overloaded])
    expect(push('m', 'over').settlements).toEqual([overloaded])
    runs[0]?.finish()
    await turn()
    expect(push('m', 'fits').settlements).toEqual([])
    expect(push('m', 'over').settlements).toEqual([overloaded])
  })

  test('is at most 64 MiB; a larger body alone is taken', async () => {
    const { handler } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler, { concurrency: 1 }))
    const mebibytes = (n: number): Uint8Array => {
      const body = new Uint8Array(n * 1_048_576).fill(0x20)
      body[0] = 0x31
      return body
    }
    push('e', 'runs')
    expect(push('e', 0, { body: mebibytes(40) }).settlements).toEqual([])
    expect(push('e', 0, { body: mebibytes(25) }).settlements).toEqual([overloaded])
    expect(push('e', 0, { body: mebibytes(24) }).settlements).toEqual([])
    expect(push('e', 0, { body: new Uint8Array([0x31]) }).settlements).toEqual([overloaded])
    const alone = await stage((service) => service.onEvent('e', t.unknown, handler, { concurrency: 1 }))
    alone.push('e', 'runs')
    expect(alone.push('e', 0, { body: mebibytes(65) }).settlements).toEqual([])
  })

  test('does not keep requests from an endpoint with a free slot', async () => {
    const { handler } = gate()
    const { push } = await stage((service) =>
      service
        .onEvent('e', t.unknown, handler, { concurrency: 1 })
        .onMessage('m', t.unknown, () => TE.right('answered')),
    )
    for (const i of numbers(10_001)) push('e', i)
    expect(push('e', 'over').settlements).toEqual([overloaded])
    const asked = push('m', 'asked')
    await turn()
    expect(asked.settlements).toMatchObject([{ _tag: 'Reply', status: 'ok' }])
  })

  test('gives its room back when it is withdrawn or its deadline passes, behind a handler that never ends', async () => {
    const { handler, runs } = gate()
    const { push, time } = await stage((service) =>
      service
        .onMessage('stuck', t.unknown, handler, { concurrency: 1 })
        .onMessage('other', t.unknown, () => TE.right('answered'), { concurrency: 1 })
        .onEvent('e', t.unknown, handler, { concurrency: 1 }),
    )
    push('stuck', 0)
    push('e', 0)
    for (let round = 0; round < 3; round++) {
      const gone = numbers(5_000).map((i) => push('stuck', i, i % 2 === 0 ? { key: 'k' } : {}))
      const late = numbers(5_000).map((i) => push('stuck', i, { deadline: time.clock.now() + 100 }))
      expect(push('stuck', 'over').settlements).toEqual([overloaded])
      for (const one of gone) one.withdraw()
      await time.advance(140)
      expect(gone.every(({ settlements }) => settlements.length === 1)).toBe(true)
      expect(gone[1]?.settlements).toEqual([{ _tag: 'Fail', failure: { _tag: 'Cancelled' } }])
      expect(late.every(({ settlements }) => settlements.length === 1)).toBe(true)
      expect(late[1]?.settlements).toMatchObject([{ _tag: 'Fail', failure: { _tag: 'TimeoutError' } }])
    }
    expect(push('e', 1).settlements).toEqual([])
    expect(runs).toHaveLength(2)
  })

  test('is withdrawn as an event only before its sender was told that it is accepted', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler, { concurrency: 1 }))
    push('e', 'runs', { awaited: true })
    const accepted = numbers(1_000).map((i) => push('e', i, { awaited: true }))
    const held = [push('e', 'first', { awaited: true }), push('e', 'second', { awaited: true })]
    accepted[0]?.withdraw()
    held[0]?.withdraw()
    expect(accepted[0]?.settlements).toEqual([])
    expect([held[0]?.settlements, held[0]?.admitted]).toEqual([[overloaded], []])
    runs[0]?.finish()
    await turn()
    expect(held[1]?.admitted).toEqual([undefined])
    runs[0]?.finish()
  })

  test('keeps the order of its key when one of its lane is withdrawn', async () => {
    const { handler, payloads, runs } = gate()
    const { push } = await stage((service) => service.onMessage('m', t.unknown, handler, { concurrency: 1 }))
    push('m', 'runs')
    const waiting = numbers(4).map((i) => push('m', i, { key: 'k' }))
    waiting[0]?.withdraw()
    waiting[2]?.withdraw()
    for (let i = 0; i < 3; i++) {
      runs[i]?.finish()
      await turn()
    }
    expect(payloads()).toEqual(['runs', 1, 3])
  })

  test('is held as its bytes: a start decodes them afresh, whatever the one before did to its payload', async () => {
    const seen: Array<unknown> = []
    const { push, time } = await stage(
      (service) =>
        service.onEvent(
          'e',
          t.type({ list: t.array(t.number) }),
          (payload) => {
            seen.push([...payload.list])
            payload.list.push(4)
            return TE.left('again')
          },
          { classify: () => 'retryable', retry: delays(10), concurrency: 1 },
        ),
      { capabilities: { delayedRetry: false } },
    )
    push('e', { list: [1, 2, 3] })
    await time.advance(50)
    expect(seen).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ])
  })

  test('and is refused leaves its lane as it was', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler, { concurrency: 1 }))
    push('e', 'runs')
    numbers(10_000).forEach((i) => push('e', i))
    expect(push('e', 'refused', { key: 'k' }).settlements).toEqual([overloaded])
    for (let i = 0; i < 10_001; i++) {
      runs[i]?.finish()
      if (runs.length <= i + 1) await turn()
    }
    push('e', 'taken', { key: 'k' })
    expect(runs.at(-1)?.payload).toBe('taken')
  })
})

describe('acceptance', () => {
  test('is told once, before the handler runs', async () => {
    const order: Array<string> = []
    const { push } = await stage((service) =>
      service.onEvent('e', t.unknown, () => {
        order.push('handler')
        return TE.right(undefined)
      }),
    )
    const pushed = push('e', 1, { told: () => order.push('accepted'), settled: () => order.push('settled') })
    order.push('pushed')
    await turn()
    expect(pushed.admitted).toEqual([undefined])
    expect(order).toEqual(['accepted', 'handler', 'pushed', 'settled'])
  })

  test('of a payload that does not decode is its issues, and no handler runs', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.type({ a: t.number }), handler))
    const pushed = push('e', { a: 'text' }, { awaited: true })
    await turn()
    expect(pushed.admitted).toEqual([[{ path: 'a', expected: 'number' }]])
    expect([runs.length, pushed.settlements[0]?._tag]).toEqual([0, 'DeadLetter'])
  })

  test('is withheld past 1,000 waiting, and given in order as others leave, once each', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler, { concurrency: 1 }))
    const pushed = numbers(1_011).map((i) =>
      push('e', i, { awaited: true, ...(i % 5 === 4 ? { key: `k${i % 2}` } : {}) }),
    )
    const accepted = (): ReadonlyArray<number> => numbers(1_011).filter((i) => pushed[i]?.admitted.length === 1)
    expect(accepted()).toEqual(numbers(1_001))
    runs[0]?.finish()
    await turn()
    expect(accepted()).toEqual(numbers(1_002))
    for (let i = 1; i < 1_011; i++) {
      runs.at(-1)?.finish()
      await turn()
    }
    expect(pushed.map(({ admitted }) => admitted)).toEqual(numbers(1_011).map(() => [undefined]))
    expect(pushed.every(({ settlements }) => settlements[0]?._tag === 'Ack')).toBe(true)
  })

  test('is never told again by retries in place or parked', async () => {
    const { push, time } = await stage(
      (service) =>
        service.onEvent('e', t.unknown, () => {
          throw new Error('always')
        }),
      { capabilities: { delayedRetry: false }, random: () => 1 },
    )
    const pushed = push('e', 1, { awaited: true })
    await time.advance(3_600_000)
    expect([pushed.admitted.length, pushed.settlements.length]).toEqual([1, 1])
  })
})

describe('a request that its caller cancelled', () => {
  test('while it waited never runs', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) => service.onMessage('m', t.unknown, handler, { concurrency: 1 }))
    push('m', 'first')
    const waiting = push('m', 'waiting')
    abortContext(waiting.context, 'cancelled')
    runs[0]?.finish()
    await turn()
    expect(waiting.settlements).toEqual([{ _tag: 'Fail', failure: { _tag: 'Cancelled' } }])
    expect(runs).toHaveLength(1)
  })

  test('while it ran has its signal fired, and is settled when the handler ends', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) => service.onMessage('m', t.unknown, handler, { concurrency: 1 }))
    const pushed = push('m', 1)
    abortContext(pushed.context, 'cancelled')
    expect(runs[0]?.context.signal.reason).toBe('cancelled')
    expect(pushed.settlements).toEqual([])
    runs[0]?.finish()
    await turn()
    expect(pushed.settlements).toHaveLength(1)
  })
})

describe('health', () => {
  test('is stuck and not ready while every slot is held by a handler that ignores its signal', async () => {
    const { handler, runs } = gate()
    const { push, time, running } = await stage((service) =>
      service
        .onEvent('e', t.unknown, handler, { concurrency: 2, timeout: 100 })
        .onMessage('m', t.unknown, handler, { concurrency: 1 }),
    )
    push('e', 1)
    push('e', 2)
    expect(running.health()).toEqual({ ready: true, transports: { fake: 'ready' } })
    await time.advance(120)
    expect(running.health()).toEqual({ ready: false, transports: { fake: 'stuck' } })
    await time.advance(2_000)
    expect(running.health().ready).toBe(false)
    runs[0]?.finish()
    await turn()
    expect(running.health().ready).toBe(true)
  })

  test('is stalled and not ready while the transport cannot write down what became of events', async () => {
    let stalled = true
    const define = (service: Microservice<Transport<string>>) =>
      service.onEvent('e', t.unknown, () => TE.right(undefined))
    const { running, status$ } = await stage(define, { stalled: () => stalled })
    expect(running.health()).toEqual({ ready: false, transports: { fake: 'stalled' } })
    status$.next('lost')
    expect(running.health()).toEqual({ ready: false, transports: { fake: 'lost' } })
    status$.next('ready')
    stalled = false
    expect(running.health()).toEqual({ ready: true, transports: { fake: 'ready' } })
  })

  test('follows the status of the transport, and is not ready once it stops', async () => {
    const { running, status$ } = await stage((service) => service.onEvent('e', t.unknown, () => TE.right(undefined)))
    status$.next('lost')
    expect(running.health()).toEqual({ ready: false, transports: { fake: 'lost' } })
    status$.next('ready')
    expect(running.health().ready).toBe(true)
    const stopped = running.stop()
    expect(running.health().ready).toBe(false)
    await stopped
    expect(running.health()).toEqual({ ready: false, transports: { fake: 'closed' } })
  })
})

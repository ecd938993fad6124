import * as fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { delays } from 'taskwire'
import { describe, expect, test } from 'vitest'
import { gate, stage, turn } from './support/stage.js'

const numbers = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)

const fails = (): never => {
  throw new Error('no key')
}

describe('slots', () => {
  test.each([1, 7, 64])('%i are filled and never passed', async (concurrency) => {
    const { handler, runs, open } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler, { concurrency }))
    const pushed = numbers(concurrency * 3).map((i) => push('e', i))
    expect(open()).toHaveLength(concurrency)
    while (open().length > 0) {
      open()[Math.floor(open().length / 2)]?.finish()
      await turn()
      expect(open().length).toBe(Math.min(concurrency, pushed.length - runs.length + open().length))
      expect(open().length).toBeLessThanOrEqual(concurrency)
    }
    expect(runs.map(({ payload }) => payload)).toEqual(numbers(concurrency * 3))
    expect(pushed.map(({ settlements }) => settlements)).toEqual(pushed.map(() => [{ _tag: 'Ack' }]))
  })

  test('are 32 unless the endpoint or the service says otherwise', async () => {
    const [plain, own] = [gate(), gate()]
    const bare = await stage((service) => service.onEvent('e', t.unknown, plain.handler))
    numbers(40).forEach((i) => bare.push('e', i))
    expect(plain.runs).toHaveLength(32)
    const configured = await stage(
      (service) =>
        service.onEvent('e', t.unknown, own.handler).onEvent('f', t.unknown, own.handler, { concurrency: 2 }),
      { service: { concurrency: 3 } },
    )
    numbers(40).forEach((i) => configured.push('e', i))
    expect(own.runs).toHaveLength(3)
    numbers(40).forEach((i) => configured.push('f', i))
    expect(own.runs).toHaveLength(5)
    expect(configured.subscriptions.map(({ concurrency }) => concurrency)).toEqual([3, 2])
  })

  test('are taken in the order of arrival, over thousands that wait', async () => {
    const { handler, runs, payloads } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler, { concurrency: 1 }))
    numbers(5_000).forEach((i) => push('e', i))
    for (let i = 0; i < 5_000; i++) {
      runs[i]?.finish()
      await Promise.resolve().then(() => undefined)
      if (runs.length <= i + 1) await turn()
    }
    expect(payloads()).toEqual(numbers(5_000))
  })

  test('of one endpoint are no concern of another', async () => {
    const [a, b] = [gate(), gate()]
    const { push } = await stage((service) =>
      service
        .onEvent('a', t.unknown, a.handler, { concurrency: 1 })
        .onEvent('b', t.unknown, b.handler, { concurrency: 1 }),
    )
    push('a', 1)
    push('a', 2)
    push('b', 1)
    expect([a.runs.length, b.runs.length]).toEqual([1, 1])
  })

  test('of a payload that does not decode are none: a sender who waits hears at once, though every slot is taken', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.number, handler, { concurrency: 1 }))
    push('e', 1)
    const invalid = push('e', 'text', { awaited: true })
    const next = push('e', 2)
    expect(invalid.settlements).toMatchObject([{ _tag: 'DeadLetter', reason: { _tag: 'InvalidPayload' } }])
    expect([runs.length, next.settlements.length]).toEqual([1, 0])
    runs[0]?.finish()
    await turn()
    expect(runs).toHaveLength(2)
  })

  test('pass by what does not decode when its turn comes, and run no handler for it', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) =>
      service.onEvent('e', t.number, handler, { concurrency: 1 }).onMessage('m', t.number, handler, { concurrency: 1 }),
    )
    push('e', 1)
    push('m', 2)
    const [event, request] = [push('e', 'text'), push('m', 'text')]
    for (const run of runs) run.finish()
    await turn()
    expect(event.settlements).toMatchObject([{ _tag: 'DeadLetter', reason: { _tag: 'InvalidPayload' } }])
    expect(request.settlements).toMatchObject([{ _tag: 'Fail', failure: { _tag: 'InvalidPayload' } }])
    expect(runs).toHaveLength(2)
  })

  test('freed by 20,000 handlers that throw at once do not overflow the stack', async () => {
    const gated = gate()
    const { push } = await stage((service) =>
      service.onMessage(
        'm',
        t.unknown,
        (payload, context) => {
          if (payload === 'first') return gated.handler(payload, context)
          throw new Error('at once')
        },
        { concurrency: 1 },
      ),
    )
    push('m', 'first')
    const rest = numbers(9_999).map((i) => push('m', i))
    gated.runs[0]?.finish()
    await turn()
    expect(rest.every(({ settlements }) => settlements[0]?._tag === 'Fail')).toBe(true)
    // A transport that delivers the next one within settle, as a broker with credit does.
    let left = 20_000
    const again = (): void => {
      if (left-- > 0) push('m', left, { settled: again })
    }
    again()
    await turn()
    expect(left).toBe(-1)
  })
})

describe('the lane of a key', () => {
  test('runs one after another, while other keys and those without one go on', async () => {
    const { handler, runs, payloads, open } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler, { concurrency: 4 }))
    push('e', 'a1', { key: 'a' })
    push('e', 'a2', { key: 'a' })
    push('e', 'b1', { key: 'b' })
    push('e', 'none1')
    push('e', 'none2')
    expect(payloads()).toEqual(['a1', 'b1', 'none1', 'none2'])
    runs[1]?.finish()
    await turn()
    expect(open()).toHaveLength(3)
    runs[0]?.finish()
    await turn()
    expect(payloads().at(-1)).toBe('a2')
  })

  test('is free again once the last of its key is over', async () => {
    const { handler, runs, payloads } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler))
    for (const round of [1, 2, 3]) {
      push('e', `head ${round}`, { key: 'k' })
      push('e', `tail ${round}`, { key: 'k' })
      expect(payloads().at(-1)).toBe(`head ${round}`)
      runs.at(-1)?.finish()
      await turn()
      expect(payloads().at(-1)).toBe(`tail ${round}`)
      runs.at(-1)?.finish()
      await turn()
    }
  })

  test('is chosen by orderingKey rather than by what the message carries', async () => {
    const { handler, runs, payloads } = gate()
    const { push } = await stage((service) =>
      service.onEvent('e', t.type({ user: t.string }), handler, { orderingKey: ({ user }) => user }),
    )
    push('e', { user: 'u' }, { key: 'x' })
    push('e', { user: 'u' }, { key: 'y' })
    push('e', { user: 'v' }, { key: 'x' })
    expect(payloads()).toEqual([{ user: 'u' }, { user: 'v' }])
    runs[0]?.finish()
    await turn()
    expect(runs).toHaveLength(3)
  })

  test('that cannot be told, because orderingKey throws, is a defect: no handler runs out of order', async () => {
    const { handler, runs } = gate()
    const { push, log } = await stage((service) =>
      service
        .onEvent('e', t.unknown, handler, { orderingKey: fails, retry: delays() })
        .onMessage('m', t.unknown, handler, { orderingKey: fails }),
    )
    expect(push('e', 1, { key: 'a' }).settlements).toMatchObject([{ _tag: 'DeadLetter', reason: { _tag: 'Defect' } }])
    expect(push('m', 1).settlements).toMatchObject([{ _tag: 'Fail', failure: { _tag: 'Internal' } }])
    expect(runs).toHaveLength(0)
    expect(log[0]).toContain('no key')
  })

  test('keeps the order of each key, runs keys side by side and leaves no slot idle, whatever ends first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        fc.infiniteStream(fc.nat({ max: 1_000 })),
        async (keys, concurrency, picks) => {
          const { handler, runs, open, payloads } = gate()
          const { push, time, running } = await stage((service) =>
            service.onEvent('e', t.unknown, handler, { concurrency }),
          )
          const keyOf = (i: unknown): string | undefined => keys[i as number]
          keys.forEach((key, i) => push('e', i, key === undefined ? {} : { key }))
          let ended = 0
          for (;;) {
            const now = open()
            if (now.length === 0) break
            const held = now.map(({ payload }) => keyOf(payload)).filter((key) => key !== undefined)
            expect(new Set(held).size).toBe(held.length)
            // As many run as there are slots, keys at the head and messages without a key.
            const waiting = numbers(keys.length).filter((i) => !payloads().includes(i))
            const startable = waiting.filter((i) => {
              const key = keyOf(i)
              return key === undefined || !held.includes(key)
            })
            expect(now.length === concurrency || startable.length === 0).toBe(true)
            now[picks.next().value! % now.length]?.finish()
            ended++
            await turn()
          }
          expect(ended).toBe(keys.length)
          for (const key of ['a', 'b', 'c']) {
            const order = payloads().filter((i) => keyOf(i) === key)
            expect(order).toEqual(numbers(keys.length).filter((i) => keyOf(i) === key))
          }
          await running.stop()
          expect([runs.length, time.pending()]).toEqual([keys.length, 0])
        },
      ),
      { numRuns: 60 },
    )
  })

  test('stays taken while its head waits for another attempt, and lets go in order', async () => {
    const { handler, runs, payloads } = gate()
    const { push, time } = await stage(
      (service) =>
        service.onEvent('e', t.unknown, handler, {
          concurrency: 1,
          classify: () => 'retryable',
          retry: () => ({ _tag: 'Some', value: 1_000 }),
        }),
      { random: () => 1, capabilities: { keyedRetry: false } },
    )
    const head = push('e', 'a1', { key: 'a' })
    push('e', 'a2', { key: 'a' })
    runs[0]?.finish(E.left('not now'))
    await turn()
    for (const i of numbers(20)) {
      push('e', i, { key: `other${i}` })
      runs.at(-1)?.finish()
      await turn()
    }
    expect(payloads()).toEqual(['a1', ...numbers(20)])
    await time.advance(999)
    expect(runs).toHaveLength(21)
    await time.advance(1)
    expect(payloads().at(-1)).toBe('a1')
    expect(runs.at(-1)?.context.attempt).toBe(2)
    expect(head.settlements).toEqual([])
    runs.at(-1)?.finish()
    await turn()
    expect(head.settlements).toEqual([{ _tag: 'Ack' }])
    expect(payloads().at(-1)).toBe('a2')
  })

  test('is free again after a head that was refused, died or timed out', async () => {
    const { handler, runs, payloads } = gate()
    const { push, time } = await stage((service) => service.onMessage('m', t.unknown, handler, { concurrency: 1 }))
    push('m', 'first', { key: 'k', deadline: 10 })
    push('m', 'expired', { key: 'k', deadline: 15 })
    push('m', 'last', { key: 'k' })
    await time.advance(40)
    expect(payloads()).toEqual(['first'])
    runs[0]?.reject(new Error('late'))
    await turn()
    expect(payloads()).toEqual(['first', 'last'])
  })
})

test('everything that succeeds leaves nothing behind', async () => {
  const { push, running, time } = await stage((service) =>
    service.onEvent('e', t.unknown, () => TE.right(undefined), { concurrency: 2 }),
  )
  const pushed = numbers(1_000).map((i) => push('e', i, { key: `k${i % 7}` }))
  await turn()
  expect(pushed.every(({ settlements }) => settlements.length === 1)).toBe(true)
  const report = await running.stop()
  expect(report).toEqual({ drained: 0, aborted: 0, unsettled: 0, lost: 0 })
  expect(time.pending()).toBe(0)
})

/** A subscription whose handler keeps throwing is paused: a dead database is not poison. */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { delays, memoryDedupe, type EventOptions } from 'taskwire'
import { describe, expect, test } from 'vitest'
import type { Pushed } from './support/fake.js'
import { gate, stage, turn, type Stage, type StageOptions } from './support/stage.js'

const draining = { _tag: 'Refuse', because: 'draining', limit: 0 }
const numbers = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)

/** How the handler ends: throwing, unless told otherwise for all or for one payload. */
interface Mood {
  well: boolean
  readonly poison: Set<unknown>
}

interface Paused extends Stage {
  readonly mood: Mood
  /** Every start: its payload and when. */
  readonly starts: Array<readonly [unknown, number]>
  readonly started: () => ReadonlyArray<unknown>
  readonly status: () => unknown
  /** One delivery that is not tried again in place: it is at its third start. */
  readonly late: (payload: unknown, options?: { readonly key?: string }) => Pushed
  /** So many defects, one after another. */
  readonly defects: (n: number) => Promise<ReadonlyArray<Pushed>>
  /** What the log says of pauses, not of single defects. */
  readonly said: () => ReadonlyArray<string>
}

const failing = async (
  options: EventOptions<unknown, never, never> = {},
  settings: StageOptions = {},
): Promise<Paused> => {
  const mood: Mood = { well: false, poison: new Set() }
  const starts: Array<readonly [unknown, number]> = []
  const handler = (payload: unknown) => (): Promise<E.Either<never, void>> => {
    starts.push([payload, one.time.clock.now()])
    return mood.well && !mood.poison.has(payload)
      ? Promise.resolve(E.right(undefined))
      : Promise.reject(new Error('the database is down'))
  }
  const one = await stage((service) => service.onEvent('e', t.unknown, handler, options), settings)
  const late: Paused['late'] = (payload, given) => one.push('e', payload, { attempt: 3, ...given })
  return {
    ...one,
    mood,
    starts,
    started: () => starts.map(([payload]) => payload),
    status: () => one.running.health().transports['fake'],
    late,
    defects: async (n) => {
      const all: Array<Pushed> = []
      for (const i of numbers(n)) {
        all.push(late(`defect ${i}`))
        await turn()
      }
      return all
    },
    said: () => one.log.filter((line) => !line.startsWith('taskwire: defect ')),
  }
}

describe('twenty defects in a row', () => {
  test('pause a subscription: nothing is started or settled any more, the log says so once, health is not ready', async () => {
    const { defects, late, started, running, said } = await failing()
    const settled = [...(await defects(19))]
    expect(running.health()).toEqual({ ready: true, transports: { fake: 'ready' } })
    settled.push(...(await defects(1)))
    expect(settled.map(({ settlements }) => settlements[0]?._tag)).toEqual(Array(20).fill('Retry'))
    expect(running.health()).toEqual({ ready: false, transports: { fake: 'paused' } })
    const waiting = numbers(50).map((i) => late(i))
    await turn()
    expect(started()).toHaveLength(20)
    expect(waiting.flatMap(({ settlements }) => settlements)).toEqual([])
    expect(said()).toEqual([
      'taskwire: e is paused after 20 defects in a row; one event is tried in 1 s, and the first that ends without a defect resumes it',
    ])
  })

  test('count those that are tried again in place', async () => {
    const { push, time, started, status } = await failing({}, { random: () => 1 })
    // n.b. three starts of each would be one too many
    for (const i of numbers(7)) push('e', i)
    await time.advance(900)
    expect([started().length, status()]).toEqual([20, 'paused'])
  })

  const outcomes: ReadonlyArray<readonly [string, (one: Paused) => Promise<unknown>]> = [
    ['Done', async ({ push }) => push('e', 'done')],
    ['Failed', async ({ push }) => push('e', 'failed')],
    ['Invalid', async ({ push }) => push('e', 'invalid', { body: new Uint8Array([0x7b]) })],
    [
      'TimedOut',
      async ({ push, time }) => {
        push('e', 'hangs')
        await time.advance(1_100)
      },
    ],
  ]
  const mixed = async (): Promise<Paused> => {
    const one = await failing()
    const hangs = new Promise<never>(() => undefined)
    const handler = (payload: unknown): TaskEither<string, void> => {
      if (payload === 'hangs') return () => hangs
      if (payload === 'done') return () => Promise.resolve(E.right(undefined))
      if (payload === 'failed') return () => Promise.resolve(E.left('declared'))
      return () => Promise.reject(new Error('down'))
    }
    const other = await stage((service) => service.onEvent('e', t.unknown, handler, { timeout: 1_000 }))
    const defects: Paused['defects'] = async (n) => {
      for (const _ of numbers(n)) {
        other.push('e', 'defect', { attempt: 3 })
        await turn()
      }
      return []
    }
    return { ...one, ...other, defects, status: () => other.running.health().transports['fake'] }
  }

  test.each(outcomes)('are counted afresh after an outcome %s', async (_, other) => {
    const one = await mixed()
    await one.defects(19)
    await other(one)
    await turn()
    await one.defects(19)
    expect(one.status()).toBe('ready')
    await one.defects(1)
    expect(one.status()).toBe('paused')
  })

  test.each(outcomes)('are not forty outcomes %s', async (tag, other) => {
    const one = await mixed()
    for (const _ of numbers(40)) await other(one)
    await turn()
    expect(one.reports.filter(({ _tag }) => _tag === tag)).toHaveLength(tag === 'TimedOut' ? 32 : 40)
    expect(one.said()).toEqual([])
  })

  test('of a message endpoint pause nothing: each request is started and answered', async () => {
    const throwing = (): never => {
      throw new Error('down')
    }
    const { push, running } = await stage((service) => service.onMessage('m', t.unknown, throwing))
    const all = numbers(60).map((i) => push('m', i))
    await turn()
    expect(all.map(({ settlements }) => settlements[0]?._tag)).toEqual(Array(60).fill('Fail'))
    expect(running.health().ready).toBe(true)
  })

  test('pause the subscription they are of, and no other', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) =>
      service
        .onEvent('e', t.unknown, () => () => Promise.reject(new Error('down')))
        .onEvent('other', t.unknown, handler),
    )
    for (const i of numbers(30)) push('e', i, { attempt: 3 })
    await turn()
    push('other', 1)
    expect(runs).toHaveLength(1)
  })
})

describe('while a subscription is paused', () => {
  test('one delivery is tried after 1 s, then after twice as long each time, up to a minute', async () => {
    const { defects, late, starts, time, said } = await failing()
    await defects(20)
    for (const i of numbers(20)) late(i)
    await time.advance(1_000 * (1 + 2 + 4 + 8 + 16 + 32 + 60 + 60))
    const since = starts.slice(20).map(([payload, at]) => [payload, at / 1_000])
    expect(since).toEqual([
      [0, 1],
      [1, 3],
      [2, 7],
      [3, 15],
      [4, 31],
      [5, 63],
      [6, 123],
      [7, 183],
    ])
    expect(said()).toHaveLength(1)
  })

  test('the first probe that ends without a defect resumes it at once, with one line, and the count begins anew', async () => {
    const { defects, late, mood, running, started, starts, time, said } = await failing()
    await defects(20)
    for (const i of numbers(10)) late(i)
    await time.advance(3_000)
    mood.well = true
    await time.advance(3_999)
    expect(started().slice(20)).toEqual([0, 1])
    await time.advance(1)
    expect(started().slice(20)).toEqual(numbers(10))
    expect(running.health()).toEqual({ ready: true, transports: { fake: 'ready' } })
    expect(said().slice(1)).toEqual(['taskwire: e is resumed: an event was handled without a defect'])
    mood.well = false
    await defects(19)
    expect(running.health().ready).toBe(true)
    await defects(1)
    expect(running.health().ready).toBe(false)
    late('probe')
    await time.advance(1_000)
    expect(starts.at(-1)).toEqual(['probe', 8_000])
  })

  test('a message that throws whatever happens does not keep it paused: the next one is tried', async () => {
    const { defects, late, mood, started, status, time } = await failing()
    await defects(20)
    mood.well = true
    mood.poison.add('poison')
    const poison = late('poison')
    const next = late('next')
    await time.advance(1_000)
    expect(poison.settlements).toMatchObject([{ _tag: 'Retry', attempt: 4 }])
    expect(status()).toBe('paused')
    await time.advance(2_000)
    expect([started().at(-1), status(), next.settlements]).toEqual(['next', 'ready', [{ _tag: 'Ack' }]])
    mood.well = false
    await defects(19)
    expect(status()).toBe('ready')
  })

  test('there is one probe at a time, and one that runs into its time limit resumes it', async () => {
    const { handler, runs } = gate()
    const { push, time, running } = await stage((service) =>
      service.onEvent('e', t.unknown, handler, { timeout: 5_000, concurrency: 4 }),
    )
    for (const i of numbers(20)) {
      push('e', i, { attempt: 3, key: `key ${i}` })
      runs[i]?.reject(new Error('down'))
      await turn()
    }
    for (const i of numbers(6)) push('e', `waits ${i}`, { key: `key ${i}` })
    await time.advance(5_900)
    expect(runs).toHaveLength(21)
    expect(running.health().ready).toBe(false)
    await time.advance(150)
    expect(running.health().ready).toBe(true)
    // n.b. the slot and the lane of the first are held until it really ends
    expect(runs).toHaveLength(24)
  })

  test('what ran before just ends: it is settled, not tried again in place, and does not resume anything', async () => {
    const { handler, runs } = gate()
    const retry = delays(4_000, 4_000, 4_000)
    const { push, time, running } = await stage((service) => service.onEvent('e', t.unknown, handler, { retry }), {
      random: () => 1,
    })
    const pushed = numbers(22).map((i) => push('e', i, { attempt: i < 20 ? 3 : 1 }))
    for (const run of runs.slice(0, 20)) run.reject(new Error('down'))
    await turn()
    expect(running.health().ready).toBe(false)
    push('e', 'waits')
    runs[20]?.reject(new Error('down'))
    runs[21]?.finish()
    await time.advance(999)
    expect(pushed.slice(20).map(({ settlements }) => settlements)).toMatchObject([
      [{ _tag: 'Retry', delayMs: 4_000, attempt: 2 }],
      [{ _tag: 'Ack' }],
    ])
    expect([runs.length, running.health().ready]).toEqual([22, false])
    await time.advance(1)
    expect(runs.at(-1)?.payload).toBe('waits')
  })

  test('what was to be tried again in place waits with the others, and keeps its attempts', async () => {
    const { handler, runs } = gate()
    const { push, time } = await stage((service) => service.onEvent('e', t.unknown, handler), { random: () => 1 })
    const first = push('e', 'first')
    runs[0]?.reject(new Error('down'))
    for (const i of numbers(19)) {
      push('e', i, { attempt: 3 })
      runs[i + 1]?.reject(new Error('down'))
    }
    await time.advance(999)
    expect(runs).toHaveLength(20)
    await time.advance(1)
    expect([runs[20]?.payload, runs[20]?.context.attempt, first.settlements]).toEqual(['first', 2, []])
    runs[20]?.finish()
    await turn()
    expect(first.settlements).toEqual([{ _tag: 'Ack' }])
  })

  test('and nothing waits when the time has come, the next delivery is the probe, and those after it wait', async () => {
    const { defects, late, mood, started, status, time } = await failing()
    await defects(20)
    await time.advance(10_000)
    expect([started().length, status()]).toEqual([20, 'paused'])
    late('probe')
    late('waits')
    await turn()
    expect([started().slice(20), status()]).toEqual([['probe'], 'paused'])
    mood.well = true
    await time.advance(1_999)
    expect(started().slice(20)).toEqual(['probe'])
    await time.advance(1)
    expect([started().slice(20), status()]).toEqual([['probe', 'waits'], 'ready'])
  })

  test('keys keep their order, over delayed retries in this process too', async () => {
    const options = { concurrency: 4, retry: delays(10, 10, 10, 10, 10, 10, 10) }
    const { defects, push, mood, starts, time } = await failing(options, { capabilities: { keyedRetry: false } })
    await defects(20)
    const keyed = numbers(6).map((i) => push('e', `a${i}`, { key: 'a', attempt: 3 }))
    const other = push('e', 'b0', { key: 'b', attempt: 3 })
    // n.b. the first of the key is tried and waits for its retry, while its lane stays taken
    await time.advance(1_500)
    expect(starts.slice(20).map(([payload]) => payload)).toEqual(['a0'])
    mood.well = true
    await time.advance(2_000)
    const order = starts.slice(21).map(([payload]) => String(payload))
    expect(order.filter((payload) => payload.startsWith('a'))).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5'])
    expect([...keyed, other].map(({ settlements }) => settlements)).toEqual(Array(7).fill([{ _tag: 'Ack' }]))
  })

  test('a payload that does not decode is answered to a sender that waits, and is no probe', async () => {
    const { handler, runs } = gate()
    const { push, running, time } = await stage((service) => service.onEvent('e', t.number, handler))
    for (const i of numbers(20)) {
      push('e', i, { attempt: 3 })
      runs[i]?.reject(new Error('down'))
    }
    await turn()
    const invalid = (): void => {
      const { admitted } = push('e', 'text', { awaited: true })
      expect(admitted).toMatchObject([[{ expected: expect.any(String) }]])
      expect(running.health().ready).toBe(false)
    }
    invalid()
    push('e', 20)
    push('e', 21)
    await time.advance(1_000)
    invalid()
    await turn()
    expect(runs).toHaveLength(21)
    runs[20]?.finish()
    await turn()
    expect([runs.length, running.health().ready]).toEqual([22, true])
  })

  test('a probe whose handler is not run shows nothing: the next one takes its place', async () => {
    const { defects, late, mood, push, started, status, time } = await failing({ dedupe: memoryDedupe() })
    mood.well = true
    push('e', 'handled', { messageId: 'twice' })
    await turn()
    mood.well = false
    await defects(20)
    const invalid = push('e', 0, { body: new Uint8Array([0x7b]) })
    const duplicate = push('e', 'duplicate', { messageId: 'twice' })
    late('probe')
    late('waits')
    await time.advance(1_000)
    expect([invalid.settlements[0]?._tag, duplicate.settlements[0]?._tag]).toEqual(['DeadLetter', 'Ack'])
    expect([started().slice(21), status()]).toEqual([['probe'], 'paused'])
  })

  test('the sender that waits for acceptance waits behind a thousand others', async () => {
    const { defects, push } = await failing()
    await defects(20)
    const all = numbers(1_001).map((i) => push('e', i, { awaited: true }))
    expect(all.filter(({ admitted }) => admitted.length > 0)).toHaveLength(1_000)
  })
})

describe('stopping while paused', () => {
  test('gives back what waits at once, and leaves no timer', async () => {
    const { defects, late, running, started, time, said } = await failing()
    await defects(20)
    const waiting = [late('one'), late('two', { key: 'k' }), late('three', { key: 'k' })]
    expect(await running.stop()).toEqual({ drained: 0, aborted: 0, unsettled: 0, lost: 0 })
    expect(waiting.map(({ settlements }) => settlements)).toEqual(Array(3).fill([draining]))
    expect([started().length, time.pending(), said().length]).toEqual([20, 0, 1])
  })

  test('gives back what was to be tried again in place with its attempts', async () => {
    const { handler, runs } = gate()
    const { push, time, running } = await stage((service) => service.onEvent('e', t.unknown, handler))
    const first = push('e', 'first')
    runs[0]?.reject(new Error('down'))
    for (const i of numbers(19)) {
      push('e', i, { attempt: 3 })
      runs[i + 1]?.reject(new Error('down'))
    }
    await time.advance(500)
    await running.stop()
    expect(first.settlements).toMatchObject([{ _tag: 'Retry', delayMs: 0, attempt: 2 }])
    expect(time.pending()).toBe(0)
  })

  test('starts what was accepted and cannot be given back', async () => {
    const { defects, push, mood, running, started, time } = await failing()
    await defects(20)
    const accepted = numbers(3).map((i) => push('e', i, { awaited: true }))
    mood.well = true
    expect(await running.stop()).toEqual({ drained: 3, aborted: 0, unsettled: 0, lost: 0 })
    expect(started().slice(20)).toEqual([0, 1, 2])
    expect(accepted.map(({ settlements }) => settlements)).toEqual(Array(3).fill([{ _tag: 'Ack' }]))
    expect(time.pending()).toBe(0)
  })

  test('waits for the probe that runs', async () => {
    const { handler, runs } = gate()
    const { push, time, running } = await stage((service) => service.onEvent('e', t.unknown, handler))
    for (const i of numbers(20)) {
      push('e', i, { attempt: 3 })
      runs[i]?.reject(new Error('down'))
    }
    await turn()
    const probe = push('e', 'probe', { attempt: 3 })
    await time.advance(1_000)
    const stopping = running.stop()
    await turn()
    runs[20]?.reject(new Error('down'))
    expect(await stopping).toMatchObject({ drained: 1, unsettled: 0 })
    expect(probe.settlements).toMatchObject([{ _tag: 'Retry', attempt: 4 }])
    expect(time.pending()).toBe(0)
  })
})

import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { delays, type EventOptions, type Settlement } from 'taskwire'
import { describe, expect, test } from 'vitest'
import { gate, stage, turn } from './support/stage.js'

const always = () => 0.5
const started = 1_704_067_200_000

describe('a defect', () => {
  test('is tried again in its slot twice, then waits outside; attempts count every start', async () => {
    const { handler, runs } = gate()
    const { push, time, log } = await stage(
      (service) => service.onEvent('e', t.unknown, handler, { concurrency: 1, retry: delays(100, 200, 400) }),
      { random: () => 1 },
    )
    const pushed = push('e', 'first')
    push('e', 'second')
    runs[0]?.reject(new Error('one'))
    await time.advance(99)
    expect(runs).toHaveLength(1)
    await time.advance(1)
    expect(runs.map(({ payload, context }) => [payload, context.attempt])).toEqual([
      ['first', 1],
      ['first', 2],
    ])
    runs[1]?.reject(new Error('two'))
    await time.advance(200)
    expect(runs[2]?.context.attempt).toBe(3)
    runs[2]?.reject(new Error('three'))
    await turn()
    expect(pushed.settlements).toEqual([
      {
        _tag: 'Retry',
        delayMs: 400,
        attempt: 4,
        reason: {
          _tag: 'Defect',
          message: 'the handler threw',
          errorId: expect.any(String),
          attempts: 3,
          firstFailedAt: started,
          lastFailedAt: started + 300,
        },
      },
    ])
    expect(runs[3]?.payload).toBe('second')
    expect(log).toHaveLength(3)
  })

  test('in place keeps the message and gives each start a signal of its own', async () => {
    const { handler, runs } = gate()
    const { push, time } = await stage((service) => service.onEvent('e', t.unknown, handler), { random: always })
    push('e', 1, { messageId: 'id' })
    const { signal } = runs[0]!.context
    runs[0]?.reject('once')
    await time.advance(200)
    expect(runs[1]?.context).toMatchObject({ messageId: 'id', attempt: 2 })
    expect(runs[1]?.context.signal).not.toBe(signal)
    expect(runs[1]?.context.signal.aborted).toBe(false)
  })

  test('of a delivery that comes as attempt 3 or later is not tried again in place', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler), { random: always })
    const pushed = push('e', 1, { attempt: 3, firstFailedAt: 77 })
    runs[0]?.reject(undefined)
    await turn()
    expect(pushed.settlements).toMatchObject([
      { _tag: 'Retry', delayMs: 45_000, attempt: 4, reason: { attempts: 3, firstFailedAt: 77 } },
    ])
  })

  test('of the fifth start is a dead letter that says the attempts are exhausted', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler))
    const pushed = push('e', 1, { attempt: 5 })
    runs[0]?.reject(new Error('again'))
    await turn()
    expect(pushed.settlements).toMatchObject([
      { _tag: 'DeadLetter', reason: { _tag: 'AttemptsExhausted', attempts: 5 } },
    ])
  })

  test('of a request is answered as Internal and never tried again', async () => {
    const { handler, runs } = gate()
    const { push, time, log } = await stage((service) => service.onMessage('m', t.unknown, handler))
    const pushed = push('m', 1)
    runs[0]?.reject(new Error('secret'))
    await time.advance(60_000)
    const [settlement] = pushed.settlements
    expect(pushed.settlements).toEqual([
      { _tag: 'Fail', failure: { _tag: 'Internal', errorId: expect.stringMatching(/^[0-9a-f]{32}$/) } },
    ])
    const failure = settlement?._tag === 'Fail' ? settlement.failure : undefined
    expect(log).toEqual([expect.stringContaining(failure?._tag === 'Internal' ? failure.errorId : '?')])
    expect(log[0]).toContain('secret')
    expect(runs).toHaveLength(1)
  })
})

describe('a retryable failure', () => {
  const retryable = { classify: () => 'retryable' as const, concurrency: 1 }

  test('is handed to a transport that can delay it, and its slot is free', async () => {
    const { handler, runs } = gate()
    const { push } = await stage((service) => service.onEvent('e', t.unknown, handler, retryable), { random: always })
    const pushed = push('e', 1)
    push('e', 2)
    runs[0]?.finish(E.left('no'))
    await turn()
    expect(pushed.settlements).toMatchObject([{ _tag: 'Retry', delayMs: 750, attempt: 2 }])
    expect(runs[1]?.payload).toBe(2)
  })

  test('waits in the runtime where the transport cannot delay: no slot held, settled once at the end', async () => {
    const { handler, runs } = gate()
    const { push, time } = await stage((service) => service.onEvent('e', t.unknown, handler, retryable), {
      capabilities: { delayedRetry: false },
      random: () => 1,
    })
    const pushed = push('e', 'retried')
    push('e', 'other')
    runs[0]?.finish(E.left('no'))
    await turn()
    expect([runs[1]?.payload, pushed.settlements]).toEqual(['other', []])
    runs[1]?.finish()
    await time.advance(1_000)
    expect(runs[2]).toMatchObject({ payload: 'retried', context: { attempt: 2 } })
    runs[2]?.finish(E.left('no'))
    await time.advance(10_000)
    expect(runs[3]?.context.attempt).toBe(3)
    runs[3]?.finish()
    await turn()
    expect(pushed.settlements).toEqual([{ _tag: 'Ack' }])
  })

  test('is handed to a transport that holds back its key meanwhile, if that is the key the transport knows', async () => {
    const { handler, runs } = gate()
    const { push } = await stage(
      (service) =>
        service
          .onEvent('own', t.unknown, handler, { ...retryable, orderingKey: () => 'another' })
          .onEvent('carried', t.unknown, handler, retryable),
      { random: always, capabilities: { keyedRetry: true } },
    )
    const own = push('own', 1, { key: 'k' })
    const carried = push('carried', 2, { key: 'k' })
    for (const run of runs) run.finish(E.left('no'))
    await turn()
    expect(carried.settlements).toMatchObject([{ _tag: 'Retry', delayMs: 750, attempt: 2 }])
    expect(own.settlements).toEqual([])
  })

  test('keeps the time of its first failure over every later one', async () => {
    const { push, time } = await stage(
      (service) => service.onEvent('e', t.unknown, () => TE.left('no'), { ...retryable, retry: delays(100, 100) }),
      { capabilities: { delayedRetry: false }, random: () => 1 },
    )
    const pushed = push('e', 1)
    await time.advance(1_000)
    expect(pushed.settlements).toMatchObject([
      {
        _tag: 'DeadLetter',
        reason: { _tag: 'AttemptsExhausted', attempts: 3, firstFailedAt: started, lastFailedAt: started + 200 },
      },
    ])
  })
})

describe('a dead letter', () => {
  test.each<readonly [string, boolean, boolean | undefined, Settlement['_tag'], string]>([
    ['is one where there is a place for it', true, undefined, 'DeadLetter', 'DeadLetter'],
    ['is dropped and reported where there is none', false, undefined, 'Ack', 'Dropped'],
    ['is dropped and reported where the endpoint wants none', true, false, 'Ack', 'Dropped'],
  ])('%s', async (_, place, deadLetter, settlement, reported) => {
    const { push, reports } = await stage(
      (service) => service.onEvent('e', t.unknown, () => TE.left('no'), deadLetter === undefined ? {} : { deadLetter }),
      { capabilities: { deadLetter: place } },
    )
    const pushed = push('e', 1)
    await turn()
    expect(pushed.settlements.map(({ _tag }) => _tag)).toEqual([settlement])
    expect(reports).toMatchObject([{ _tag: 'Failed', settlement: reported, endpoint: 'e' }])
  })
})

describe('a policy that throws', () => {
  const broken = (): never => {
    throw new Error('policy')
  }
  test.each<readonly [string, EventOptions<unknown, string, string>]>([
    ['classify', { classify: broken }],
    ['retry', { classify: () => 'retryable', retry: broken }],
  ])('%s makes a dead letter and a line in the log', async (_, policy) => {
    const { push, log } = await stage((service) => service.onEvent('e', t.unknown, () => TE.left('no'), policy))
    const pushed = push('e', 1)
    await turn()
    expect(pushed.settlements).toMatchObject([{ _tag: 'DeadLetter', reason: { _tag: 'Defect' } }])
    expect(log).toEqual([expect.stringContaining('policy')])
  })
})

describe('the time limit of an event', () => {
  test('fires the signal, and the event is handed on after the grace while the slot stays held', async () => {
    const { handler, runs } = gate()
    const { push, time, reports } = await stage(
      (service) => service.onEvent('e', t.unknown, handler, { concurrency: 1, timeout: 100 }),
      { random: always },
    )
    const pushed = push('e', 'slow')
    push('e', 'next')
    const { signal } = runs[0]!.context
    await time.advance(99)
    expect(signal.aborted).toBe(false)
    await time.advance(21)
    expect([signal.aborted, signal.reason]).toEqual([true, 'timeout'])
    await time.advance(979)
    expect(pushed.settlements).toEqual([])
    await time.advance(21)
    expect(pushed.settlements).toMatchObject([
      { _tag: 'Retry', delayMs: 750, attempt: 2, reason: { _tag: 'Timeout', attempts: 1 } },
    ])
    expect(runs).toHaveLength(1)
    runs[0]?.finish()
    await turn()
    expect(runs[1]?.payload).toBe('next')
    expect(pushed.settlements).toHaveLength(1)
    expect(reports.map((report) => [report._tag, report.settlement])).toEqual([
      ['TimedOut', 'Retry'],
      ['Done', 'Late'],
    ])
  })

  test.each(['ends well', 'fails', 'throws'] as const)(
    'is what counts when the handler %s within the grace: never in place, one settlement',
    async (how) => {
      const { handler, runs } = gate()
      const { push, time, reports } = await stage(
        (service) => service.onEvent('e', t.unknown, handler, { concurrency: 1, timeout: 100 }),
        { random: always },
      )
      const pushed = push('e', 1)
      push('e', 2)
      await time.advance(500)
      if (how === 'throws') runs[0]?.reject(new Error('aborted'))
      else runs[0]?.finish(how === 'fails' ? E.left('no') : E.right(undefined))
      await time.advance(3_000)
      expect(pushed.settlements).toMatchObject([{ _tag: 'Retry', attempt: 2, reason: { _tag: 'Timeout' } }])
      expect(runs.map(({ payload }) => payload)).toEqual([1, 2])
      const late = { 'ends well': 'Done', fails: 'Failed', throws: 'Defect' }[how]
      expect(reports.slice(0, 2).map((report) => [report._tag, report.settlement])).toEqual([
        [late, 'Late'],
        ['TimedOut', 'Retry'],
      ])
    },
  )

  test('is 30 s unless the endpoint or the service says otherwise', async () => {
    for (const [own, inherited, ms] of [
      [undefined, undefined, 30_000],
      [undefined, 2_000, 2_000],
      [300, 2_000, 300],
    ] as const) {
      const { handler, runs } = gate()
      const { push, time } = await stage(
        (service) => service.onEvent('e', t.unknown, handler, own === undefined ? {} : { timeout: own }),
        inherited === undefined ? {} : { service: { timeout: inherited } },
      )
      push('e', 1)
      const { signal } = runs[0]!.context
      await time.advance(ms - 1)
      expect(signal.aborted).toBe(false)
      await time.advance(21)
      expect(signal.aborted).toBe(true)
    }
  })

  test('of a keyed event waits for the real end, and only then is the event handed on and its lane let go', async () => {
    const { handler, runs, payloads } = gate()
    const { push, time } = await stage(
      (service) => service.onEvent('e', t.unknown, handler, { timeout: 100, retry: delays(1_000) }),
      { random: () => 1, capabilities: { keyedRetry: false } },
    )
    const pushed = push('e', 'a1', { key: 'a' })
    push('e', 'a2', { key: 'a' })
    push('e', 'b1', { key: 'b' })
    await time.advance(10_000)
    expect([payloads(), pushed.settlements]).toEqual([['a1', 'b1'], []])
    runs[0]?.finish()
    await time.advance(999)
    expect(payloads()).toEqual(['a1', 'b1'])
    await time.advance(1)
    expect(payloads()).toEqual(['a1', 'b1', 'a1'])
    runs[2]?.finish()
    await turn()
    expect([payloads().at(-1), pushed.settlements]).toEqual(['a2', [{ _tag: 'Ack' }]])
  })

  describe('where the transport cannot delay', () => {
    const slow = async () => {
      const { handler, runs } = gate()
      const one = await stage((service) => service.onEvent('e', t.unknown, handler, { concurrency: 2, timeout: 100 }), {
        random: () => 1,
        capabilities: { delayedRetry: false },
      })
      const pushed = one.push('e', 1)
      await one.time.advance(1_120)
      return { ...one, runs, pushed }
    }
    const over = async (
      { running, time, reports }: Awaited<ReturnType<typeof slow>>,
      statements: ReadonlyArray<string>,
    ) => {
      expect(reports.map(({ settlement }) => settlement)).toEqual(statements)
      expect(await running.stop()).toEqual({ drained: 0, aborted: 0, unsettled: 0, lost: 0 })
      expect(time.pending()).toBe(0)
    }

    test('the event runs again beside the handler that ignores its signal', async () => {
      const one = await slow()
      await one.time.advance(1_000)
      expect(one.runs.map(({ context }) => context.attempt)).toEqual([1, 2])
      one.runs[1]?.finish()
      await turn()
      expect(one.pushed.settlements).toEqual([{ _tag: 'Ack' }])
      one.runs[0]?.finish()
      await turn()
      await over(one, ['Retry', 'Ack', 'Late'])
      expect(one.pushed.settlements).toHaveLength(1)
    })

    test('the handler may end while its event is parked, or runs again: one settlement, and every slot is free', async () => {
      for (const ms of [500, 1_000]) {
        const one = await slow()
        await one.time.advance(ms)
        one.runs[0]?.reject(new Error('late'))
        await one.time.advance(1_000 - ms)
        expect([one.runs.length, one.pushed.settlements]).toEqual([2, []])
        one.runs[1]?.finish()
        await turn()
        expect(one.pushed.settlements).toEqual([{ _tag: 'Ack' }])
        for (const i of [2, 3]) one.push('e', i)
        expect(one.runs).toHaveLength(4)
        for (const run of one.runs.slice(2)) run.finish()
        await turn()
        await over(one, ['Retry', 'Late', 'Ack', 'Ack', 'Ack'])
        expect(one.pushed.settlements).toHaveLength(1)
      }
    })
  })
})

test('a dead letter names the destination that its endpoint asks for', async () => {
  const { push } = await stage((service) =>
    service
      .onEvent('e', t.unknown, () => TE.left('no'), { deadLetter: 'elsewhere' })
      .onEvent('f', t.unknown, () => TE.left('no')),
  )
  const [named, plain] = [push('e'), push('f')]
  await turn()
  expect(named.settlements).toMatchObject([{ _tag: 'DeadLetter', to: 'elsewhere' }])
  expect(plain.settlements.map((settlement) => 'to' in settlement)).toEqual([false])
})

describe('the deadline of a request', () => {
  test('that has passed on arrival, or while it waited, means that it never runs', async () => {
    const { handler, runs } = gate()
    const { push, time } = await stage((service) => service.onMessage('m', t.unknown, handler, { concurrency: 1 }))
    await time.advance(50)
    const late = push('m', 'late', { deadline: 50 })
    const expired = (afterMs: number): Settlement => ({
      _tag: 'Fail',
      failure: { _tag: 'TimeoutError', afterMs, waitingFor: 'handler' },
    })
    expect(late.settlements).toEqual([expired(0)])
    push('m', 'first')
    const waiting = push('m', 'waiting', { deadline: 100 })
    await time.advance(100)
    // It is answered when its time is over, though the slot it waits for is not free.
    expect(waiting.settlements).toEqual([expired(60)])
    runs[0]?.finish()
    await turn()
    expect(waiting.settlements).toHaveLength(1)
    expect(runs.map(({ payload }) => payload)).toEqual(['first'])
  })

  test('fires the signal and answers at once; the late result is dropped and the slot held until then', async () => {
    const { handler, runs } = gate()
    const { push, time, reports } = await stage((service) =>
      service.onMessage('m', t.unknown, handler, { concurrency: 1 }),
    )
    const pushed = push('m', 1, { deadline: 200 })
    const next = push('m', 2)
    await time.advance(220)
    expect(runs[0]?.context.signal.reason).toBe('deadline')
    const answer = { _tag: 'Fail', failure: { _tag: 'TimeoutError', afterMs: 200, waitingFor: 'handler' } }
    expect(pushed.settlements).toEqual([answer])
    expect([runs.length, next.settlements.length]).toEqual([1, 0])
    runs[0]?.finish(E.right('late' as never))
    await turn()
    expect(pushed.settlements).toEqual([answer])
    expect(runs).toHaveLength(2)
    expect(reports.map((report) => [report._tag, report.settlement])).toEqual([
      ['TimedOut', 'Fail'],
      ['Done', 'Late'],
    ])
  })

  test('and its time limit: the sooner one counts, and the signal says which', async () => {
    const { handler, runs } = gate()
    const { push, time } = await stage((service) => service.onMessage('m', t.unknown, handler, { timeout: 300 }))
    const pushed = push('m', 1, { deadline: 5_000 })
    await time.advance(320)
    expect(runs[0]?.context.signal.reason).toBe('timeout')
    expect(pushed.settlements).toMatchObject([{ failure: { _tag: 'TimeoutError', afterMs: 300 } }])
  })

  test('there is none where the caller sets none and the endpoint has no limit', async () => {
    const { handler, runs } = gate()
    const { push, time } = await stage((service) => service.onMessage('m', t.unknown, handler))
    const pushed = push('m', 1)
    await time.advance(600_000)
    expect([runs[0]?.context.signal.aborted, pushed.settlements]).toEqual([false, []])
  })
})

test('outcome$ reports every start with where, what and how it was settled', async () => {
  const { push, reports, time } = await stage(
    (service) =>
      service
        .onEvent('user.*', t.unknown, () => TE.right(undefined), { id: 'all' })
        .onMessage('get', t.number, () => TE.right(1)),
    { random: always },
  )
  push('all', 1, { messageId: 'one' })
  push('get', 2, { messageId: 'two' })
  push('get', 'text', { messageId: 'three' })
  await time.advance(1)
  expect(reports).toEqual([
    expect.objectContaining({ _tag: 'Invalid', endpoint: 'get', messageId: 'three', settlement: 'Fail' }),
    {
      _tag: 'Done',
      value: undefined,
      endpoint: 'all',
      kind: 'event',
      name: 'fake',
      pattern: 'all',
      messageId: 'one',
      attempt: 1,
      settlement: 'Ack',
      afterArrivalMs: 0,
    },
    expect.objectContaining({ _tag: 'Done', value: 1, kind: 'message', settlement: 'Reply' }),
  ])
})

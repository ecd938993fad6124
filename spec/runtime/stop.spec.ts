import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice, delays, listen, type Serde, type StopReport } from 'taskwire'
import { virtualClock } from 'taskwire/testing'
import { describe, expect, test } from 'vitest'
import { fake } from './support/fake.js'
import { gate, stage, turn, type Stage } from './support/stage.js'

const draining = { _tag: 'Refuse', because: 'draining', limit: 0 }
const nothing: StopReport = { drained: 0, aborted: 0, unsettled: 0, lost: 0 }

const stopping = (one: Stage): { report: () => StopReport | undefined; promise: Promise<StopReport> } => {
  let report: StopReport | undefined
  const promise = one.running.stop()
  void promise.then((given) => (report = given))
  return { report: () => report, promise }
}

describe('stop', () => {
  test('stops the intake, waits for handlers, then closes; nothing is left', async () => {
    const gated = gate()
    const one = await stage((service) => service.onEvent('e', t.unknown, gated.handler))
    const pushed = one.push('e', 1)
    const { report } = stopping(one)
    await turn()
    expect(one.journal).toEqual(['connect', 'subscribe', 'stopIntake'])
    gated.runs[0]?.finish()
    await turn()
    expect([one.journal.at(-1), pushed.settlements]).toEqual(['close', [{ _tag: 'Ack' }]])
    expect(report()).toEqual({ ...nothing, drained: 1 })
    expect(one.time.pending()).toBe(0)
  })

  test('is one, however often and at once it is asked for', async () => {
    const one = await stage((service) => service.onEvent('e', t.unknown, gate().handler))
    const reports = await Promise.all(Array.from({ length: 10 }, () => one.running.stop()))
    expect(new Set(reports).size).toBe(1)
    expect(await one.running.stop()).toBe(reports[0])
    expect(one.journal.filter((step) => step === 'close')).toHaveLength(1)
  })

  test('refuses requests that wait and drains events that were accepted, in order', async () => {
    const gated = gate()
    const one = await stage((service) =>
      service
        .onMessage('m', t.unknown, gated.handler, { concurrency: 1 })
        .onEvent('e', t.unknown, gated.handler, { concurrency: 1 }),
    )
    one.push('m', 'm1')
    const request = one.push('m', 'm2')
    const keyed = one.push('m', 'm3', { key: 'k' })
    const behind = one.push('m', 'm4', { key: 'k' })
    one.push('e', 'e1', { awaited: true })
    const accepted = one.push('e', 'e2', { awaited: true })
    const lane = one.push('e', 'e3', { awaited: true, key: 'k' })
    const left = one.push('e', 'e4')
    const { report } = stopping(one)
    await turn()
    for (const refused of [request, keyed, behind, left]) expect(refused.settlements).toEqual([draining])
    expect(one.push('m', 'late').settlements).toEqual([draining])
    const late = one.push('e', 'late', { awaited: true })
    expect([late.settlements, late.admitted]).toEqual([[draining], []])
    for (let i = 0; i < 4; i++) {
      gated.open().forEach((run) => run.finish())
      await turn()
    }
    expect(gated.payloads()).toEqual(['m1', 'e1', 'e2', 'e3'])
    expect([accepted.settlements, lane.settlements]).toEqual([[{ _tag: 'Ack' }], [{ _tag: 'Ack' }]])
    expect(report()).toEqual({ ...nothing, drained: 4 })
  })

  test('drains an accepted event though the one before it in its lane was given back', async () => {
    const gated = gate()
    const one = await stage((service) => service.onEvent('e', t.unknown, gated.handler, { concurrency: 1 }))
    one.push('e', 'runs')
    const given = one.push('e', 'given back', { key: 'k' })
    const accepted = one.push('e', 'accepted', { key: 'k', awaited: true })
    const { report } = stopping(one)
    await turn()
    expect([given.settlements, accepted.settlements]).toEqual([[draining], []])
    for (let i = 0; i < 2; i++) {
      gated.open()[0]?.finish()
      await turn()
    }
    expect(gated.payloads()).toEqual(['runs', 'accepted'])
    expect(report()).toEqual({ ...nothing, drained: 2 })
  })

  test('gives a retry that waits for a slot back with its attempts', async () => {
    const gated = gate()
    const one = await stage(
      (service) =>
        service.onEvent('e', t.unknown, gated.handler, {
          concurrency: 1,
          classify: () => 'retryable',
          orderingKey: String,
        }),
      { random: () => 0.5 },
    )
    const retried = one.push('e', 'retried')
    gated.runs[0]?.finish(E.left('no'))
    await turn()
    one.push('e', 'runs')
    await one.time.advance(10_000)
    stopping(one)
    await turn()
    expect(retried.settlements).toMatchObject([{ _tag: 'Retry', delayMs: 0, attempt: 2 }])
  })

  test('refuses what waits past the 1,000th place: nobody was told that it is accepted', async () => {
    const gated = gate()
    const one = await stage((service) => service.onEvent('e', t.unknown, gated.handler, { concurrency: 1 }))
    const pushed = Array.from({ length: 1_003 }, (_, i) => one.push('e', i, { awaited: true }))
    stopping(one)
    await turn()
    expect(pushed.slice(1_001).map(({ settlements, admitted }) => [settlements, admitted])).toEqual([
      [[draining], []],
      [[draining], []],
    ])
    expect(
      pushed.slice(0, 1_001).every(({ settlements, admitted }) => settlements.length + admitted.length === 1),
    ).toBe(true)
  })

  test('aborts what does not end within the drain limit, waits for the grace, and gives up the rest', async () => {
    const gated = gate()
    const one = await stage((service) => service.onEvent('e', t.unknown, gated.handler), {
      listen: { drainTimeout: 500, abortGrace: 100 },
    })
    const pushed = ['drains', 'aborts', 'hangs'].map((payload) => one.push('e', payload))
    const { report } = stopping(one)
    await one.time.advance(100)
    gated.runs[0]?.finish()
    await one.time.advance(399)
    expect(gated.runs.map(({ context }) => context.signal.aborted)).toEqual([false, false, false])
    await one.time.advance(1)
    expect(gated.runs.slice(1).map(({ context }) => context.signal.reason)).toEqual(['stopping', 'stopping'])
    gated.runs[1]?.finish()
    await one.time.advance(99)
    expect(report()).toBeUndefined()
    await one.time.advance(1)
    expect(report()).toEqual({ ...nothing, drained: 1, aborted: 1, unsettled: 1 })
    expect(pushed[2]?.settlements).toEqual([])
    expect(one.time.pending()).toBe(0)
  })

  test('counts the handlers that end while the intake is still being stopped', async () => {
    const gated = gate()
    let stopped = (): void => undefined
    const one = await stage((service) => service.onEvent('e', t.unknown, gated.handler), {
      stopIntake: () => new Promise<void>((resolve) => (stopped = resolve)),
    })
    one.push('e', 1)
    one.push('e', 2)
    const { report } = stopping(one)
    await turn()
    gated.runs[0]?.finish()
    await turn()
    stopped()
    await turn()
    gated.runs[1]?.finish()
    await turn()
    expect(report()).toEqual({ ...nothing, drained: 2 })
  })

  test('takes at most 10 s and 2 s more unless told otherwise', async () => {
    const gated = gate()
    const one = await stage((service) => service.onMessage('m', t.unknown, gated.handler))
    one.push('m', 1)
    const { report } = stopping(one)
    await one.time.advance(11_999)
    expect(report()).toBeUndefined()
    await one.time.advance(1)
    expect(report()).toEqual({ ...nothing, unsettled: 1 })
  })

  test.each(['ends well', 'fails', 'throws'] as const)(
    'is over for a handler that %s afterwards: nothing is settled, started or timed any more',
    async (how) => {
      const gated = gate()
      const one = await stage(
        (service) => service.onEvent('e', t.unknown, gated.handler, { classify: () => 'retryable' }),
        { listen: { drainTimeout: 10, abortGrace: 10 } },
      )
      const plain = one.push('e', 1)
      const keyed = one.push('e', 2, { key: 'k' })
      const { promise } = stopping(one)
      await one.time.advance(20)
      expect(await promise).toEqual({ ...nothing, unsettled: 2 })
      for (const run of gated.runs)
        if (how === 'throws') run.reject(new Error('too late'))
        else run.finish(how === 'fails' ? E.left('no') : E.right(undefined))
      await turn()
      expect([plain.settlements, keyed.settlements, one.time.pending()]).toEqual([[], [], 0])
      await one.time.advance(100_000)
      expect(gated.runs).toHaveLength(2)
    },
  )

  test('a handler that throws because its signal says so is retried elsewhere, not once more in this process', async () => {
    const starts: Array<number> = []
    const one = await stage(
      (service) =>
        service.onEvent(
          'e',
          t.unknown,
          (_, { signal, attempt }) =>
            () =>
              new Promise((_, reject) => {
                starts.push(attempt)
                signal.addEventListener('abort', () => reject(new Error('aborted')))
              }),
        ),
      { listen: { drainTimeout: 100, abortGrace: 1_000 } },
    )
    const pushed = one.push('e', 1)
    const { report } = stopping(one)
    await one.time.advance(1_100)
    expect(starts).toEqual([1])
    expect(pushed.settlements).toMatchObject([{ _tag: 'Retry', attempt: 2, reason: { _tag: 'Defect', attempts: 1 } }])
    expect(report()).toEqual({ ...nothing, aborted: 1 })
  })

  test('does not wait for handlers beyond their limit longer than for others', async () => {
    const gated = gate()
    const one = await stage((service) => service.onEvent('e', t.unknown, gated.handler, { timeout: 50 }), {
      listen: { drainTimeout: 500, abortGrace: 100 },
    })
    const pushed = one.push('e', 1)
    await one.time.advance(100)
    const { report } = stopping(one)
    await one.time.advance(600)
    expect(report()).toEqual({ ...nothing, unsettled: 1 })
    expect([pushed.settlements.length, one.time.pending()]).toEqual([0, 0])
  })
})

describe('a delayed retry that this process holds', () => {
  const policy = { classify: () => 'retryable' as const, retry: delays(60_000), concurrency: 1 }

  test('goes back to the transport that can delay it, with its attempts and the rest of its delay', async () => {
    const gated = gate()
    const one = await stage((service) => service.onEvent('e', t.unknown, gated.handler, policy), {
      capabilities: { keyedRetry: false },
      random: () => 1,
    })
    const parked = one.push('e', 1, { key: 'k' })
    const behind = one.push('e', 2, { key: 'k' })
    gated.runs[0]?.finish(E.left('no'))
    await one.time.advance(20_000)
    expect(await one.running.stop()).toEqual(nothing)
    expect(parked.settlements).toMatchObject([{ _tag: 'Retry', delayMs: 40_000, attempt: 2, reason: { attempts: 1 } }])
    expect(behind.settlements).toEqual([draining])
    expect(one.time.pending()).toBe(0)
  })

  test('is refused as not done where the transport cannot delay it', async () => {
    const gated = gate()
    const one = await stage((service) => service.onEvent('e', t.unknown, gated.handler, policy), {
      capabilities: { delayedRetry: false },
    })
    const parked = one.push('e', 1)
    gated.runs[0]?.finish(E.left('no'))
    await turn()
    expect(await one.running.stop()).toEqual(nothing)
    expect([parked.settlements, one.time.pending()]).toEqual([[draining], 0])
  })

  test('is lost where its sender was told that it is accepted, and what waits behind it is drained', async () => {
    const gated = gate()
    const one = await stage((service) => service.onEvent('e', t.unknown, gated.handler, policy), {
      capabilities: { keyedRetry: false },
    })
    one.push('e', 1, { key: 'k', awaited: true })
    const behind = one.push('e', 2, { key: 'k', awaited: true })
    gated.runs[0]?.finish(E.left('no'))
    await turn()
    const { report } = stopping(one)
    await turn()
    expect(gated.payloads()).toEqual([1, 2])
    gated.runs[1]?.finish()
    await turn()
    expect(behind.settlements).toEqual([{ _tag: 'Ack' }])
    expect(report()).toEqual({ ...nothing, drained: 1, lost: 1 })
  })

  test('is none any more while the service stops: a failure then is treated the same, and its lane goes on', async () => {
    const gated = gate()
    const one = await stage((service) => service.onEvent('e', t.unknown, gated.handler, policy), {
      capabilities: { keyedRetry: false },
    })
    one.push('e', 1, { key: 'k', awaited: true })
    one.push('e', 2, { key: 'k', awaited: true })
    const { report } = stopping(one)
    await turn()
    gated.runs[0]?.finish(E.left('no'))
    await turn()
    gated.runs[1]?.finish()
    await turn()
    expect(report()).toEqual({ ...nothing, drained: 2, lost: 1 })
    expect(one.time.pending()).toBe(0)
  })
})

describe('a transport that misbehaves', () => {
  test.each([
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['never ends', () => new Promise<void>(() => undefined)],
  ] as const)('and %s when it should stop or close keeps nobody else open', async (_, broken) => {
    const time = virtualClock()
    const log: Array<string> = []
    const [bad, good] = [fake({ name: 'bad', stopIntake: broken, close: broken }), fake({ name: 'good' })]
    const service = createMicroservice('s')
      .transport(bad.transport)
      .transport(good.transport)
      .onEvent('e', t.unknown, () => TE.right(undefined))
    const started = await listen(service, { clock: time.clock, log: (line) => log.push(line) })()
    const stopped = started._tag === 'Right' ? started.right.stop() : undefined
    await time.advance(10_000)
    expect(await stopped).toEqual(nothing)
    expect(good.journal.at(-1)).toBe('close')
    expect(time.pending()).toBe(0)
  })
})

describe('a running service', () => {
  test('completes its streams when it has stopped', async () => {
    const one = await stage((service) => service.onEvent('e', t.unknown, gate().handler))
    let completed = false
    one.running.outcome$.subscribe({ complete: () => (completed = true) })
    await one.running.stop()
    expect(completed).toBe(true)
  })

  test('shows the status of each transport, the current one first', async () => {
    const one = await stage((service) => service.onEvent('e', t.unknown, gate().handler))
    const seen: Array<unknown> = []
    one.running.status$.subscribe((status) => seen.push(status))
    one.status$.next('lost')
    expect(seen).toEqual([
      { name: 'fake', status: 'ready' },
      { name: 'fake', status: 'lost' },
    ])
  })

  test('has clients that share its connection and its format, and are closed when it stops', async () => {
    const upper: Serde = {
      contentType: 'text/upper',
      serialize: (value) => E.right(String(value).toUpperCase()),
      parse: (body) => E.right(new TextDecoder().decode(body)),
    }
    const one = await stage((service) => service.onEvent('e', t.unknown, gate().handler), { service: { serde: upper } })
    const client = one.running.clients['fake']!
    const answer = client.send('get', 'question', t.string)()
    expect(one.asked[0]?.message).toMatchObject({ body: 'QUESTION', contentType: 'text/upper' })
    one.asked[0]?.answer({ _tag: 'Reply', status: 'ok', body: new TextEncoder().encode('answer') })
    expect(await answer).toEqual(E.right('answer'))
    expect(one.journal.filter((step) => step === 'connect')).toHaveLength(1)

    const pending = client.send('get', 'q', t.string)()
    const waiting = client.emit('e', 'q')()
    one.asked[2]?.answer({
      _tag: 'Failing',
      error: { _tag: 'Overloaded', limit: 1 },
      processed: 'no',
      retryAfterMs: 1_000,
    })
    await one.running.stop()
    expect(await Promise.all([pending, waiting])).toEqual([E.left({ _tag: 'Closed' }), E.left({ _tag: 'Closed' })])
    expect(await client.emit('e', 'q')()).toEqual(E.left({ _tag: 'Closed' }))
    expect([one.asked.length, one.time.pending()]).toEqual([3, 0])
  })

  test('has clients that say what they waited for, and warm the connection that is there', async () => {
    const one = await stage((service) => service.onEvent('e', t.unknown, gate().handler))
    const client = one.running.clients['fake']!
    expect(await client.connect()).toEqual(E.right(undefined))
    expect(one.journal).toEqual(['connect', 'subscribe', 'warm'])
    const waitingFor = async (status: 'ready' | 'lost') => {
      one.status$.next(status)
      const call = client.send('get', 1, t.string, { timeout: 100 })()
      await one.time.advance(120)
      return call
    }
    expect(await waitingFor('ready')).toMatchObject({ left: { _tag: 'TimeoutError', waitingFor: 'reply' } })
    expect(await waitingFor('lost')).toMatchObject({ left: { _tag: 'TimeoutError', waitingFor: 'connection' } })
  })
})

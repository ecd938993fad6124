/** Networks that say nothing any more: all of them, or one connection. */
import * as E from 'fp-ts/lib/Either.js'
import { expect } from 'vitest'
import { behindProxies } from './behind.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask, emit, load } from './load.js'
import { heartbeat } from './transports.js'
import { pause } from './waiting.js'

await behindProxies((kind, front) => {
  const since = (from: number): number => Math.round(performance.now() - from)

  fault(
    'F07',
    kind,
    'A network that swallows everything is noticed within two heartbeats, calls end with their deadlines, and when it is back all goes on by itself and nothing that was accepted is lost.',
    async (trial) => {
      const { page, until, drained, figure } = trial
      const { url, proxy, via } = await front()
      const { serve, call } = cast(trial, kind, url, { via })
      const running = await serve()
      const client = call()
      await emit(client, page, 0)
      await ask(client, page, 0)
      let lost = false
      // n.b. what listens on TCP is ready as long as it listens: there it is the caller who has lost something
      const watching = client.status$.subscribe((status) => (lost ||= kind === 'tcp' && status === 'lost'))
      const total = 2_000
      const loaded = load(client, page, { from: 1, to: total, window: 20, pace: 10, requestEvery: 20 })
      await until('some are handled', () => page.count('handled') > 200)
      trial.fault('a black hole both ways')
      proxy.hold()
      const began = performance.now()
      const hurried = [emit(client, page, total, 2_000), ask(client, page, 1, 2_000)].map((one) =>
        one.then((result) => ({ tag: E.isLeft(result) ? result.left._tag : 'Right', ms: since(began) })),
      )
      await until('it is noticed', () => lost || !running.health().ready)
      figure('noticedAfterMs', since(began))
      const [emitted, asked] = await Promise.all(hurried)
      figure('callsOfTwoSecondsSettledAfterMs', Math.max(emitted!.ms, asked!.ms))
      expect(['OutcomeUnknown', 'TimeoutError']).toContain(emitted!.tag)
      expect(['Disconnected', 'TimeoutError']).toContain(asked!.tag)
      await pause(Math.max(0, 2 * heartbeat[kind] + 2_000 - since(began)))
      await proxy.heal()
      const healed = performance.now()
      const before = page.count('handled')
      await until('something is handled again', () => page.count('handled') > before)
      figure('handlingAgainAfterMs', since(healed))
      await until('readiness is true', () => running.health().ready)
      await loaded
      expect(page.count('confirmed')).toBeGreaterThanOrEqual(total)
      await drained()
      expect(await ask(client, page, 2)).toMatchObject({ right: 2 })
      watching.unsubscribe()
    },
  )

  fault(
    'F09',
    kind,
    'Connections that die without a word are given up within two heartbeats, what waits on them settles, and nothing that was accepted is lost.',
    async (trial) => {
      const { page, until, drained, figure } = trial
      const { url, proxy, via } = await front()
      const { serve, call } = cast(trial, kind, url, { via })
      let started = 0
      const running = await serve({
        concurrency: 100,
        asked: (n) => async () => {
          started += 1
          if (n >= 1_000) await new Promise(() => undefined)
        },
      })
      const client = call()
      await emit(client, page, 0)
      await ask(client, page, 0)
      const pending = Array.from({ length: 50 }, (_, n) => ask(client, page, 1_000 + n, 12_000))
      await until('all of them are being handled', () => started > 50)
      const total = 1_000
      const loaded = load(client, page, { from: 1, to: total, window: 20, pace: 10 })
      await until('some are handled', () => page.count('handled') > 100)
      trial.fault('the connections there are fall silent for good; new ones pass')
      proxy.abandon()
      const began = performance.now()
      const settled = Promise.all(pending).then(
        (results) => (figure('pendingCallsSettledAfterMs', since(began)), results),
      )
      // n.b. what had arrived before is still handled
      await pause(200)
      const before = page.count('handled')
      await until('something is handled again', () => page.count('handled') > before)
      figure('handlingAgainAfterMs', since(began))
      for (const one of await settled)
        expect(one).toMatchObject({
          left: kind === 'tcp' ? { _tag: 'Disconnected', maybeProcessed: true } : { _tag: expect.any(String) },
        })
      await loaded
      expect(page.count('confirmed')).toBe(total)
      await drained()
      await until('readiness is true', () => running.health().ready)
      expect(await ask(client, page, 2)).toMatchObject({ right: 2 })
    },
  )
})

/** What a handler lives on breaks under load: its subscription is paused, and poison is told apart from that. */
import * as E from 'fp-ts/lib/Either.js'
import { delays } from 'taskwire'
import { expect } from 'vitest'
import { duplicates } from '../../lib/testing/conformance/history.js'
import { kinds } from '../brokers/software.js'
import { withBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { foreign } from './foreign.js'
import { ask, emit } from './load.js'
import { pause } from './waiting.js'

/** Defects in a row that pause a subscription. */
const tooMany = 20
/** Handlers at once. */
const concurrency = 8
/** Starts of an event that its handler never takes. */
const attempts = 5
/** It throws whatever else is there. */
const poison = 1_000_000

for (const kind of kinds)
  await withBroker(kind, (url) => {
    fault(
      'F28',
      kind,
      'When what a handler lives on breaks under load, twenty defects in a row pause its subscription, which is reported once; one event at a time is tried until it is back, and then all are handled, once: only the event that fails without that is a dead letter.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { site, serve, call, pull } = cast(trial, kind, url)
        let broken = false
        let paused = false
        let running = 0
        const starts = new Map<number, number>()
        const at = { paused: 0, resumed: 0 }
        const seen = { defects: 0, sinceItBroke: 0, whilePaused: 0, atOnce: 0, failedProbes: 0 }
        const reports: Array<string> = []
        const service = await serve({
          concurrency,
          policy: { retry: delays(200, 200, 200, 200) },
          log: (line) => {
            if (!/is (paused|resumed)/.test(line)) return
            reports.push(line)
            paused = line.includes('is paused')
            at[paused ? 'paused' : 'resumed'] = performance.now()
            running = 0
          },
          work: (id) => async () => {
            const probe = paused
            starts.set(id, (starts.get(id) ?? 0) + 1)
            if (broken) seen.sinceItBroke += 1
            if (probe) {
              seen.whilePaused += 1
              running += 1
              seen.atOnce = Math.max(seen.atOnce, running)
            }
            await pause(5)
            if (probe) running -= 1
            if (broken || id === poison) {
              if (broken && !paused) seen.defects += 1
              if (probe) seen.failedProbes += 1
              throw new Error('no connection')
            }
            page.handled(id)
            return E.right(undefined)
          },
        })
        const health = () => service.health().transports[kind]
        const client = call()
        const { letters } = await foreign(site)
        let next = 0
        let over = false
        const loaded = Promise.all(
          Array.from({ length: 8 }, async () => {
            for (; !over; await pause(10)) await emit(client, page, next++, 60_000, '')
          }),
        )
        await until('it is at work', () => page.count('handled') > 100)
        trial.fault('an event that its handler never takes')
        await emit(client, page, poison, 60_000, '')
        await until('it is set aside', async () => (await letters()).length === 1, 60_000, 200)
        expect([starts.get(poison), reports]).toEqual([attempts, []])
        page.buried(poison)

        trial.fault('what the handler lives on is gone')
        broken = true
        const began = performance.now()
        await until('it is paused', () => health() === 'paused')
        figure('pausedAfterMs', Math.round(performance.now() - began))
        expect(service.health().ready).toBe(false)
        expect(seen.defects).toBe(tooMany)
        expect(seen.sinceItBroke - seen.whilePaused).toBeLessThan(tooMany + concurrency)
        const before = page.count('confirmed')
        await until('an event was tried in vain', () => seen.failedProbes > 0)
        expect(await ask(client, page, 1)).toEqual(E.right(1))
        expect(health()).toBe('paused')
        figure('acceptedWhilePaused', page.count('confirmed') - before)

        trial.fault('it is back')
        broken = false
        const back = performance.now()
        await until('readiness is true', () => service.health().ready)
        figure('resumedAfterMs', Math.round(performance.now() - back))
        figure('startsWhilePaused', seen.whilePaused)
        expect(seen).toMatchObject({ whilePaused: seen.failedProbes + 1, atOnce: 1 })
        // n.b. after 1 s, then after 2 s more, then after 4 s more: a busy machine may need one more of them
        expect(at.resumed - at.paused).toBeGreaterThan(1_000 * (2 ** seen.whilePaused - 1) - 100)
        over = true
        await loaded
        await drained(pull)
        expect(page.errors.size).toBe(0)
        expect(duplicates(page)).toEqual([])
        expect(reports.map((line) => /is (paused after \d+ defects|resumed)/.exec(line)?.[0])).toEqual([
          `is paused after ${tooMany} defects`,
          'is resumed',
        ])
        const found = await letters()
        expect(found.map(({ body, reason, attempts: tried }) => [Number(body), reason, tried])).toEqual([
          [poison, 'attempts-exhausted', attempts],
        ])
      },
    )
  })

/** A program that is told to stop while it is at work. */
import * as E from 'fp-ts/lib/Either.js'
import { expect } from 'vitest'
import type { StopReport } from 'taskwire'
import { duplicates } from '../../lib/testing/conformance/history.js'
import { kinds } from '../brokers/software.js'
import { withBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { foreign } from './foreign.js'
import { ask, emit } from './load.js'
import { noted, type Page } from './page.js'
import { lease } from './transports.js'
import { pause } from './waiting.js'

/** What a replica has written down about its stop. */
const stopOf = (page: Page, by: string) => {
  const own = page.lines.filter((line) => line.by === by)
  const signalled = own.findIndex((line) => line.what === 'noted' && line.note === 'SIGTERM')
  const notes = own.flatMap((line) => (line.what === 'noted' ? [line.note] : []))
  const before = own.slice(0, signalled)
  const after = own.slice(signalled)
  const ended = (some: typeof own) => some.filter(({ what }) => what === 'handled' || what === 'answered').length
  const started = own.filter(({ what }) => what === 'started').length
  const text = noted(page, by, 'stopped: ')
  return {
    report: text === undefined ? undefined : (JSON.parse(text) as StopReport),
    startedAfter: after.filter(({ what }) => what === 'started').length,
    endedAfter: ended(after),
    neverEnded: started - before.concat(after).filter(({ what }) => what === 'handled').length,
    told: notes.filter((note) => note === 'aborted: stopping').length,
  }
}

for (const kind of kinds)
  await withBroker(kind, (url) => {
    fault(
      'F29',
      kind,
      'A program that gets SIGTERM under load ends its handlers, answers what it has begun, leaves the rest to others, reports exactly that, and exits with 0: nothing is lost or done twice.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { site, serve, spawn, call, pull } = cast(trial, kind, url)
        const program = await spawn({ by: 'program', handlerMs: 20 })
        const client = call()
        let next = 0
        let asked = 1_000_000
        let over = false
        const replies = new Map<number, string>()
        const emitting = async (): Promise<void> => {
          for (; !over; await pause(5)) await emit(client, page, next++, 60_000, '')
        }
        const asking = async (): Promise<void> => {
          for (; !over; await pause(5)) {
            const n = asked++
            const result = await ask(client, page, n, 3_000)
            replies.set(n, E.isLeft(result) ? result.left._tag : 'Right')
          }
        }
        const loaded = Promise.all([...Array.from({ length: 4 }, emitting), ...Array.from({ length: 8 }, asking)])
        await until('it is at work', () => {
          pull()
          return page.count('handled') > 20 && page.lines.filter(({ what }) => what === 'answered').length > 10
        })
        trial.fault('SIGTERM under load')
        program.signal('SIGTERM')
        const told = performance.now()
        expect(await program.ended).toBe(0)
        figure('stoppedAfterMs', Math.round(performance.now() - told))
        over = true
        await loaded
        pull()
        const { report, startedAfter, endedAfter, neverEnded } = stopOf(page, 'program')
        expect(report).toEqual({ drained: endedAfter, aborted: 0, unsettled: 0, lost: 0 })
        expect(neverEnded).toBe(0)
        figure('drained', endedAfter)
        figure('startedAfterTheSignal', startedAfter)
        const answered = page.lines.flatMap((line) => (line.what === 'answered' ? [line.id] : []))
        expect(
          answered.filter((n) => replies.get(n) !== 'Right'),
          'ended, and not answered',
        ).toEqual([])
        await serve()
        await drained(pull)
        expect(duplicates(page)).toEqual([])
        expect(await (await foreign(site)).letters()).toEqual([])
      },
    )

    fault(
      'F29',
      kind,
      'A stop aborts the signals of handlers that do not end, gives up those that take no notice with exit code 1, and a second SIGTERM ends it at once: others handle what was given up.',
      async (trial) => {
        const { page, until, drained } = trial
        const { serve, spawn, call, pull } = cast(trial, kind, url)
        const hasty = { handlerMs: -1, concurrency: 2, drainTimeout: 300, abortGrace: 300 }
        const [heeding, deaf, forced] = await Promise.all([
          spawn({ ...hasty, by: 'heeding', heeds: true }),
          spawn({ ...hasty, by: 'deaf' }),
          spawn({ ...hasty, by: 'forced', drainTimeout: 60_000 }),
        ])
        const client = call()
        const begun = (by: string): number => page.starts.filter((one) => one.by === by).length
        let next = 0
        await until('each has two handlers under way', async () => {
          if (page.count('emitted') < 200) await emit(client, page, next++, 60_000, '')
          pull()
          return ['heeding', 'deaf', 'forced'].every((by) => begun(by) === 2)
        })
        trial.fault('SIGTERM to a program whose handlers heed it, to one whose handlers do not, and twice to a third')
        for (const one of [heeding, deaf, forced]) one.signal('SIGTERM')
        await until('the third has heard it', () => {
          pull()
          return page.lines.some((line) => line.what === 'noted' && line.by === 'forced')
        })
        forced.signal('SIGTERM')
        expect(await Promise.all([heeding.ended, deaf.ended, forced.ended])).toEqual([0, 1, 1])
        pull()
        const none = { drained: 0, aborted: 0, unsettled: 0, lost: 0 }
        expect(stopOf(page, 'heeding')).toMatchObject({ report: { ...none, aborted: 2 }, told: 2, neverEnded: 0 })
        expect(stopOf(page, 'deaf')).toMatchObject({ report: { ...none, unsettled: 2 }, told: 2, neverEnded: 2 })
        expect(stopOf(page, 'forced')).toMatchObject({ report: undefined, told: 0 })
        await serve()
        await until('others handle what was given up', () => page.count('handled') >= next, 10 * lease[kind])
        await drained(pull)
      },
      { variant: 'forced' },
    )
  })

/** Replicas that stand still for a while, and then go on as if nothing had happened. */
import * as E from 'fp-ts/lib/Either.js'
import { expect } from 'vitest'
import { duplicates } from '../../lib/testing/conformance/history.js'
import { kinds } from '../brokers/software.js'
import { withBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { foreign } from './foreign.js'
import { ask, emit } from './load.js'
import { lease } from './transports.js'
import { pause } from './waiting.js'

for (const kind of kinds)
  await withBroker(kind, (url) => {
    fault(
      'F06',
      kind,
      'What a replica holds that is frozen for longer than its lease, session or heartbeats goes to others; when it goes on, its late acknowledgements harm nothing, and it works again.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { site, serve, spawn, call, pull } = cast(trial, kind, url)
        const heir = await serve()
        const victim = await spawn({ by: 'victim', handlerMs: 200 })
        const client = call()
        let next = 0
        let over = false
        const lane = async (): Promise<void> => {
          for (; !over; await pause(10)) await emit(client, page, next++, 60_000, '')
        }
        const asking = async (): Promise<void> => {
          for (; !over; await pause(50)) await ask(client, page, 1, 2_000)
        }
        const loaded = Promise.all([lane(), lane(), lane(), lane(), asking()])
        const by = (who: string) => page.entries.filter((one) => one.what === 'handled' && one.by === who)
        const handledBy = (who: string): ReadonlySet<number> => new Set(by(who).map(({ id }) => id))
        const underWay = (): ReadonlyArray<number> => {
          pull()
          const done = handledBy('victim')
          return page.starts.map(({ id }) => id).filter((id) => !done.has(id))
        }
        await until('the victim is at work', () => underWay().length >= 4 && by('victim').length > 20)

        trial.fault('SIGSTOP of a replica')
        victim.signal('SIGSTOP')
        const frozen = performance.now()
        const held = underWay()
        await until(
          () => `others handle what it holds: ${held.filter((id) => !handledBy('here').has(id)).join()}`,
          () => held.every((id) => handledBy('here').has(id)),
          10 * lease[kind],
        )
        figure('takenOverAfterMs', Math.round(performance.now() - frozen))
        await pause(Math.max(0, frozen + 2 * lease[kind] - performance.now()))
        figure('frozenMs', Math.round(performance.now() - frozen))
        const before = next
        trial.fault('SIGCONT')
        victim.signal('SIGCONT')
        await until('its handlers end late', () => {
          pull()
          return held.every((id) => handledBy('victim').has(id))
        })
        await until('it is given something new', () => {
          pull()
          return by('victim').some(({ id }) => id > before)
        })
        await until('requests are answered', async () => E.isRight(await ask(client, page, 2, 2_000)))
        over = true
        await loaded
        await drained(pull)
        const { letters } = await foreign(site)
        expect(await letters()).toEqual([])
        figure('handledTwice', duplicates(page).length)

        victim.signal('SIGTERM')
        expect(await victim.ended).toBe(0)
        await heir.stop()
        pull()
        const known = page.entries.length
        await serve({ by: 'last' })
        for (let id = next; id < next + 30; id++) await emit(client, page, id, 60_000)
        await drained(pull)
        const again = page.entries.slice(known).filter(({ what, id }) => what === 'handled' && id < next)
        expect(again, 'handled again, though it had been acknowledged').toEqual([])
      },
    )
  })

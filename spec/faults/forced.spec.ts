/** Replicas that are told a second time to end. */
import { expect } from 'vitest'
import { kinds } from '../brokers/software.js'
import { withBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask, load } from './load.js'
import { pause } from './waiting.js'

const events = 12
/** Far longer than the case may take. */
const drainTimeout = 600_000

for (const kind of kinds)
  await withBroker(kind, (url) => {
    fault(
      'F05',
      kind,
      'A second SIGTERM ends a replica whose handlers hang at once, with 1, and another one handles what it had.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { spawn, call, pull } = cast(trial, kind, url)
        const stuck = await spawn({ by: 'stuck', handlerMs: -1, drainTimeout })
        const client = call()
        await load(client, page, { to: events })
        await until('it has begun', () => (pull(), page.starts.length > 0))
        await spawn({ by: 'sound' })

        trial.fault('SIGTERM of a replica whose handlers never end')
        stuck.signal('SIGTERM')
        await until('it drains', () => (pull(), page.lines.some(({ what }) => what === 'noted')))
        await pause(1_000)
        expect(stuck.running()).toBe(true)
        trial.fault('SIGTERM again')
        const began = performance.now()
        stuck.signal('SIGTERM')
        expect(await stuck.ended).toBe(1)
        figure('exitAfterMs', Math.round(performance.now() - began))

        await drained(pull)
        const begun = new Set(page.starts.filter(({ by }) => by === 'stuck').map(({ id }) => id))
        figure('heldByTheReplica', begun.size)
        expect([...begun].filter((id) => !page.entries.some((one) => one.id === id && one.by === 'sound'))).toEqual([])
        await ask(client, page, 1)
      },
      { variant: 'forced' },
    )
  })

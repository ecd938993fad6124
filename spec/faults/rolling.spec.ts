/** Replicas that are replaced one after the other, as at every deployment. */
import { expect } from 'vitest'
import { kinds } from '../brokers/software.js'
import { withBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask, emit } from './load.js'
import { pause } from './waiting.js'

const replicas = 3
const handlerMs = 20

for (const kind of kinds)
  await withBroker(kind, (url) => {
    fault(
      'F05',
      kind,
      'Three replicas that are replaced one after the other by SIGTERM, under load, lose no event, fail no request, and exit with 0.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { spawn, call, pull } = cast(trial, kind, url)
        const running = await Promise.all(
          Array.from({ length: replicas }, (_, i) => spawn({ by: `replica-${i}`, handlerMs })),
        )
        const client = call()

        const load = { on: true, last: 0 }
        const each = async (step: (n: number) => Promise<unknown>): Promise<void> => {
          for (; load.on; await pause(5)) await step((load.last += 1))
        }
        const lanes = [
          ...Array.from({ length: 6 }, () => each((n) => emit(client, page, n))),
          ...Array.from({ length: 3 }, () => each((n) => ask(client, page, n))),
        ]

        const codes: Array<number | null> = []
        let longest = 0
        for (const [i, one] of running.entries()) {
          const before = page.count('confirmed')
          await until('the load goes on', () => page.count('confirmed') > before + 50)
          trial.fault(`SIGTERM of replica ${i} and the start of another`)
          const began = performance.now()
          one.signal('SIGTERM')
          codes.push(await one.ended)
          longest = Math.max(longest, performance.now() - began)
          await spawn({ by: `successor-${i}`, handlerMs })
        }
        load.on = false
        await Promise.all(lanes)
        await drained(pull)

        expect(codes).toEqual(running.map(() => 0))
        expect(Object.fromEntries(page.errors)).toEqual({})
        expect(page.entries.some(({ what, by }) => what === 'handled' && by?.startsWith('successor'))).toBe(true)
        figure('longestStopMs', Math.round(longest))
        figure('requests', page.calls().made - page.count('emitted'))
      },
    )
  })

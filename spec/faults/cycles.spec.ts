/** Clients and services that come and go, many times. */
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createClient, listen } from 'taskwire'
import { expect } from 'vitest'
import { retained } from '../../lib/testing/conformance/memory.js'
import { freePort } from '../brokers/port.js'
import { behindProxies } from './behind.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask } from './load.js'
import { transport, type Site } from './transports.js'
import { worker } from './worker.js'

/** How many clients come and go, and how many services. A member of a group on Kafka takes its time. */
const cycles: Readonly<Record<Site['kind'], readonly [number, number]>> = {
  tcp: [1_000, 200],
  redis: [1_000, 100],
  amqp: [200, 50],
  kafka: [20, 5],
}

await behindProxies((kind, front) => {
  fault(
    'F24',
    kind,
    'Clients and services that come and go, again and again, leave nothing behind: no connection, no timer, no memory.',
    async (trial) => {
      const { page, until, figure } = trial
      const { url, proxy, via } = await front()
      const { serve, site } = cast(trial, kind, url, { via })
      await serve({ work: () => TE.right(undefined) })
      const come = async (n: number): Promise<void> => {
        const client = createClient(transport(site), { log: () => undefined })
        expect(await ask(client, page, n)).toEqual(E.right(n))
        await client.close()
      }
      const comeToStay = async (): Promise<void> => {
        const elsewhere = {
          ...site,
          url: kind === 'tcp' ? `tcp://127.0.0.1:${await freePort()}` : url,
          prefix: `${site.prefix}other.`,
        }
        const running = await listen(worker(() => TE.right(undefined)).transport(transport(elsewhere)), {
          log: false,
        })()
        if (E.isLeft(running)) throw new Error(JSON.stringify(running.left))
        await running.right.stop()
      }
      const [clients, services] = cycles[kind]
      const round = async (share: number): Promise<void> => {
        for (let n = 0; n < clients * share; n++) await come(n)
        for (let n = 0; n < services * share; n++) await comeToStay()
      }
      const listeners = (): number => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
      const there = (): string => [proxy.stats().open, listeners(), ...process.getActiveResourcesInfo().sort()].join()
      /** What is there once nothing more goes. */
      const calm = async (): Promise<string> => {
        let last = ''
        const same = (): boolean => last === (last = there())
        await until('nothing more is closed', same, 60_000, 300)
        return last
      }
      await round(0.2)
      const before = await calm()
      const held = retained()
      trial.fault(`${clients} clients and ${services} services come and go`)
      await round(1)
      expect(await calm()).toBe(before)
      const grown = Math.round((retained() - held) / 1_024)
      figure('clients', clients)
      figure('services', services)
      figure('grownKiB', grown)
      expect(grown, 'KiB that are held').toBeLessThan(4_096 + 2 * (clients + services))
    },
    { variant: 'cycles' },
  )
})

/** Connections that break in the middle of something, again and again. */
import * as E from 'fp-ts/lib/Either.js'
import { seededRandom } from 'taskwire/testing'
import { expect } from 'vitest'
import { behindProxies } from './behind.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask, emit, load } from './load.js'

const seed = Number(process.env['FAULT_SEED'] ?? Date.now() % 1_000_000_000)

await behindProxies((kind, front) => {
  fault(
    'F26',
    kind,
    'Connections that are cut after any number of bytes, in either direction and ten times under load, lose nothing, and every call settles.',
    async (trial) => {
      const { page, until, drained, figure } = trial
      const { url, proxy, via } = await front()
      const { serve, call } = cast(trial, kind, url, { via })
      const random = seededRandom(seed)
      figure('seed', seed)
      const running = await serve()
      const client = call()
      await emit(client, page, 0)
      await ask(client, page, 0)
      proxy.latency(2)
      const asked: Array<ReturnType<typeof ask>> = []
      let next = 1
      for (let cut = 0; cut < 10; cut++) {
        const direction = random() < 0.5 ? 'up' : 'down'
        const bytes = 1 + Math.floor(random() * (kind === 'tcp' ? 8_000 : 50_000))
        const { accepted } = proxy.stats()
        trial.fault(`a cut after ${bytes} bytes ${direction}`)
        proxy.cutAfter(bytes, direction)
        while (proxy.stats().accepted === accepted) {
          // n.b. a reply that was cut off may be waited for until the deadline
          for (let n = 0; n < 10; n++) asked.push(ask(client, page, n, 10_000))
          await load(client, page, { from: next, to: next + 100, window: 25 })
          next += 100
        }
      }
      const answered = (await Promise.all(asked)).filter(E.isRight).length
      figure('requestsUnansweredPercent', Math.round((100 * (asked.length - answered)) / asked.length))
      expect(page.count('confirmed')).toBe(next)
      await drained()
      await until('readiness is true', () => running.health().ready)
      expect(await ask(client, page, 1)).toMatchObject({ right: 1 })
    },
  )
})

/** Services and callers that start where nobody is. */
import { expect } from 'vitest'
import { behindProxies } from './behind.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask, emit, load } from './load.js'
import { pause } from './waiting.js'

await behindProxies((kind, front) => {
  fault(
    'F24',
    kind,
    'Whoever starts where nobody is waits, within its time: calls that have less end typed by their deadlines, the others are served once somebody is there.',
    async (trial) => {
      const { page, drained, figure } = trial
      const { url, proxy, via } = await front()
      const { serve, attempt, call } = cast(trial, kind, url, { via })
      // n.b. a broker keeps for a service what comes after it has listened for the first time
      const first = await serve()
      const early = call()
      await emit(early, page, 2_000)
      await ask(early, page, 0)
      await drained()
      await first.stop()
      await early.close()
      await proxy.down()
      trial.fault('nobody is there when services and callers start')
      // n.b. over TCP a service waits for nobody
      if (kind !== 'tcp')
        expect(await attempt({ startTimeout: 1_000 })).toMatchObject({
          _tag: 'Left',
          left: { _tag: 'TransportFailed', message: expect.stringMatching(/within 1000 ms: .*cannot be opened: ./) },
        })
      const client = call()
      expect(await client.connect()).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
      const late = { _tag: 'Left', left: { _tag: 'TimeoutError', waitingFor: 'connection' } }
      expect(await Promise.all([emit(client, page, 1_000, 500), ask(client, page, 0, 500)])).toMatchObject([late, late])
      const starting = serve()
      const patient = load(client, page, { to: 100, requestEvery: 10 })
      await pause(1_000)
      const began = performance.now()
      await proxy.up()
      const running = await starting
      figure('listensAfterMs', Math.round(performance.now() - began))
      await patient
      figure('servedAfterMs', Math.round(performance.now() - began))
      expect([page.count('confirmed'), page.errors.get('TimeoutError')]).toEqual([101, 2])
      await drained()
      expect(running.health().ready).toBe(true)
    },
    { variant: 'absent' },
  )
})

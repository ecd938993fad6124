/** Messages that come twice: because somebody died at the wrong moment, or because somebody sent them twice. */
import * as E from 'fp-ts/lib/Either.js'
import { expect, onTestFinished } from 'vitest'
import { redisDedupe } from 'taskwire/redis'
import { duplicates, overtaken } from '../../lib/testing/conformance/history.js'
import { available, sharedBroker } from '../brokers/shared.js'
import { kinds } from '../brokers/software.js'
import { withBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { foreign } from './foreign.js'
import { ask, keyOf } from './load.js'
import type { Site } from './transports.js'

// n.b. the store of a service on whatever broker is on Redis
const redis = (await available('redis')) ? await sharedBroker('redis') : ''
const storeOf = ({ prefix }: Site) => {
  const store = redisDedupe({ url: redis, prefix })
  onTestFinished(() => store.close())
  return store
}
const once = { idempotent: true, messageId: 'pay-7' }
const tagOf = (result: E.Either<{ readonly _tag: string }, unknown>): string =>
  E.isLeft(result) ? result.left._tag : 'Right'

for (const kind of redis === '' ? [] : kinds)
  await withBroker(kind, (url) => {
    fault(
      'F11',
      kind,
      'A caller whose responder dies between the effect and the reply gets a TimeoutError, and whoever asks again with the same id gets the reply that was stored: the effect happens once.',
      async (trial) => {
        const { page, until } = trial
        const { site, spawn, serve, call, pull } = cast(trial, kind, url)
        const victim = await spawn({ by: 'victim', dedupe: redis, dies: 'remembered' })
        const client = call()
        trial.fault('SIGKILL of the responder once its reply is stored')
        expect(tagOf(await ask(client, page, 7, 3_000, once))).toBe('TimeoutError')
        await victim.ended
        let again = 0
        await serve({ dedupe: storeOf(site), asked: () => async () => void (again += 1) })
        const results = await Promise.all([1, 2, 3].map(() => ask(client, page, 7, 60_000, once)))
        expect(results).toEqual([E.right(7), E.right(7), E.right(7)])
        await until('the effect is written down', () => {
          pull()
          return page.lines.some(({ what }) => what === 'answered')
        })
        expect(page.lines.filter(({ what }) => what === 'answered').length + again).toBe(1)
      },
    )

    fault(
      'F11',
      kind,
      'A responder that dies before its effect is remembered keeps the message for as long as its caller waits and a second more; not before then does a repetition have the effect again.',
      async (trial) => {
        const { page, until } = trial
        const { site, spawn, serve, call, pull } = cast(trial, kind, url)
        const victim = await spawn({ by: 'victim', dedupe: redis, dies: 'done' })
        const client = call()
        trial.fault('SIGKILL of the responder after the effect')
        const limit = kind === 'kafka' ? 9_000 : 3_000
        const asked = performance.now()
        const first = ask(client, page, 7, limit, once)
        await victim.ended
        const effects: Array<number> = []
        await serve({ dedupe: storeOf(site), asked: () => async () => void effects.push(performance.now()) })
        // n.b. a loaded machine may have taken longer to come here than the claim holds
        const early = await ask(client, page, 7, 500, once)
        if (effects.length === 0) expect(tagOf(early)).toBe('TimeoutError')
        expect(await ask(client, page, 7, 60_000, once)).toEqual(E.right(7))
        expect(tagOf(await first)).toBe('TimeoutError')
        expect(effects).toHaveLength(1)
        expect(effects[0]! - asked).toBeGreaterThan(limit + 900)
        expect(await ask(client, page, 7, 60_000, once)).toEqual(E.right(7))
        expect(effects).toHaveLength(1)
        await until('the first effect is written down', () => {
          pull()
          return page.lines.some(({ what }) => what === 'answered')
        })
      },
      { variant: 'unremembered' },
    )

    const each = 280
    fault(
      'F12',
      kind,
      'Of events and requests that all come twice each has its effect once where replicas share a dedupe store, and events of a key have theirs in order.',
      async (trial) => {
        const { page, drained, fault: note } = trial
        const { site, serve, call } = cast(trial, kind, url)
        const { publish, letters } = await foreign(site)
        const answered: Array<number> = []
        const start = () => serve({ dedupe: storeOf(site), asked: (n) => async () => void answered.push(n) })
        const publishTwice = async (from: number, keyed: boolean): Promise<void> => {
          const one = (id: number) => {
            page.emitted(id)
            page.confirmed(id)
            return { id: `e-${id}`, body: String(id), ...(keyed ? { key: keyOf(id) } : {}) }
          }
          const all = Array.from({ length: each }, (_, n) => one(from + n))
          // The second of each comes ten events after the first: behind the next of its key.
          const shifted = all.flatMap((parcel, n) => [parcel, ...(n < 10 ? [] : [all[n - 10]!])])
          await publish([...shifted, ...all.slice(-10)])
        }
        await start()
        note('every event is published twice with one id, by another program')
        await publishTwice(0, true)
        await drained()
        // n.b. the last repetitions are still on their way: what comes behind them has passed them
        await publishTwice(each, true)
        await drained()
        expect(overtaken(page, (id) => keyOf(id))).toBeUndefined()
        await start()
        note('the same without keys, to two replicas')
        await publishTwice(2 * each, false)
        await drained()
        note('every request is sent twice at once with one id')
        const client = call()
        const asks = Array.from({ length: 100 }, (_, n) =>
          ask(client, page, n >> 1, 60_000, { messageId: `r-${n >> 1}` }),
        )
        expect((await Promise.all(asks)).filter(E.isLeft)).toEqual([])
        expect(answered.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n))
        await publishTwice(3 * each, false)
        await drained()
        expect(duplicates(page)).toEqual([])
        expect(await letters()).toEqual([])
      },
    )
  })

/** Answers that do not come back: confirms of events, and replies. */
import * as E from 'fp-ts/lib/Either.js'
import { memoryDedupe } from 'taskwire'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { expect } from 'vitest'
import { behindProxies } from './behind.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask, emit } from './load.js'
import { verdict } from './verdict.js'

await behindProxies((kind, front) => {
  const accepted = E.right(undefined)

  fault(
    'F08',
    kind,
    'An emit whose confirm is lost is sent again with its id until its deadline, then its outcome is unknown; a retry with that id keeps it, and with a dedupe store the effect happens once.',
    async (trial) => {
      const { page, until, figure } = trial
      const { url, proxy, via } = await front()
      const { serve, call, site } = cast(trial, kind, url)
      const repeated = new Map<string, number>()
      const running = await serve({
        dedupe: memoryDedupe(),
        work: (id, { messageId }) =>
          TE.fromIO(() => {
            expect(messageId).toBe(`event-${id}`)
            page.handled(id)
          }),
      })
      running.outcome$.subscribe(({ _tag, messageId }) => {
        if (_tag === 'Duplicate') repeated.set(messageId, (repeated.get(messageId) ?? 0) + 1)
      })
      const handled = (id: number) => (): boolean => page.entries.some((one) => one.what === 'handled' && one.id === id)
      const client = call({ ...site, via })
      expect(await emit(client, page, 0)).toEqual(accepted)

      trial.fault('confirms are held back, then the connection is reset')
      proxy.hold('down')
      const patient = emit(client, page, 1)
      await until('it is handled', handled(1))
      proxy.reset()
      proxy.release('down')
      expect(await patient).toEqual(accepted)
      await until('it has come again', () => repeated.has('event-1'))

      trial.fault('confirms are held back for longer than the deadline')
      proxy.hold('down')
      const unsure = await emit(client, page, 2, 2_000)
      expect(unsure).toEqual(E.left({ _tag: 'OutcomeUnknown', messageId: 'event-2' }))
      await until('it is handled all the same', handled(2))
      await proxy.heal()
      expect(await emit(client, page, 2)).toEqual(accepted)
      await until('the retry has come', () => repeated.has('event-2'))
      expect(verdict(page).duplicates).toBe(0)
      figure(
        'repetitionsKeptFromTheHandler',
        [...repeated.values()].reduce((a, b) => a + b),
      )
    },
  )

  fault(
    'F10',
    kind,
    'Of 500 requests whose replies are cut off, all settle by their deadlines, and the next one is answered.',
    async (trial) => {
      const { page, until, figure } = trial
      const { url, proxy, via } = await front()
      const { serve, call, site } = cast(trial, kind, url)
      const count = 500
      // n.b. over TCP the others wait in their caller for one of these to be answered
      const atOnce = kind === 'tcp' ? 256 : count
      let started = 0
      let answer = (): void => undefined
      let answered = Promise.resolve()
      await serve({
        concurrency: count,
        asked: () => () => {
          started += 1
          return answered
        },
      })
      const client = call({ ...site, via })
      expect(await ask(client, page, 0)).toMatchObject({ right: 0 })
      const cut = async (name: string, how: () => void): Promise<void> => {
        started = 0
        answered = new Promise((resolve) => (answer = resolve))
        const asked = Array.from({ length: count }, (_, n) => ask(client, page, n, 12_000))
        await until(
          () => `all are being handled, and not ${started}`,
          () => started === atOnce,
        )
        trial.fault(name)
        const began = performance.now()
        how()
        answer()
        const results = await Promise.all(asked)
        figure(`${name}SettledAfterMs`, Math.round(performance.now() - began))
        figure(`${name}Answered`, results.filter(E.isRight).length)
        for (const one of results) if (E.isLeft(one)) expect(['Disconnected', 'TimeoutError']).toContain(one.left._tag)
        await proxy.heal()
        expect(await ask(client, page, 1, 60_000, { idempotent: true })).toMatchObject({ right: 1 })
      }
      await cut('reset', proxy.reset)
      await cut('silence', () => proxy.hold('down'))
    },
  )
})

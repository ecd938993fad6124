/** Time that stands still for a process, and wall clocks that jump. */
import * as E from 'fp-ts/lib/Either.js'
import { expect } from 'vitest'
import { delays, realClock, type Clock } from 'taskwire'
import { kinds, type Kind } from '../brokers/software.js'
import { withBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { foreign } from './foreign.js'
import { ask, emit, load } from './load.js'
import { pause } from './waiting.js'

const hour = 3_600_000

/** A wall clock that can be set, over a time that goes on as it does. */
const settable = (): { readonly clock: Clock; readonly jump: (ms: number) => void } => {
  let offset = 0
  return { clock: { ...realClock, unix: () => realClock.unix() + offset }, jump: (ms) => void (offset += ms) }
}

const tagsOf = (results: ReadonlyArray<E.Either<{ readonly _tag: string }, unknown>>): ReadonlyArray<string> => [
  ...new Set(results.map((one) => (E.isLeft(one) ? one.left._tag : 'Right'))),
]

/** Requests at once. */
const total = 100

/** Beyond the lease, the session and the heartbeats. */
const blocked: Readonly<Record<Kind, number>> = { redis: 4_000, amqp: 8_000, kafka: 10_000 }

for (const kind of kinds)
  await withBroker(kind, (url) => {
    fault(
      'F23',
      kind,
      'A replica whose event loop stands still for longer than its lease and the limits of its handlers expires none of those that have ended, and works again.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { site, serve, spawn, call, pull } = cast(trial, kind, url)
        const replica = await spawn({ by: 'blocked', handlerMs: 100, blocksMs: blocked[kind], timeoutMs: 2_000 })
        const client = call()
        trial.fault(`a handler keeps the event loop to itself for ${blocked[kind]} ms`)
        const began = performance.now()
        const loaded = load(client, page, { to: 1_500, keys: 0, window: 10, pace: 10 })
        await serve()
        await loaded
        await until('it is given something again', async () => {
          pull()
          await emit(client, page, page.count('emitted'), 60_000, '')
          return (
            performance.now() - began > blocked[kind] &&
            page.entries.some(({ what, by, id }) => what === 'handled' && by === 'blocked' && id >= 1_500)
          )
        })
        await drained(pull)
        const notes = page.lines.flatMap((line) => (line.what === 'noted' ? [line.note] : []))
        // n.b. the one that kept the others waiting has run beyond its limit itself
        expect(notes.filter((note) => note.startsWith('aborted')).length).toBeLessThanOrEqual(1)
        figure('blockedMs', blocked[kind])
        expect(await (await foreign(site)).letters()).toEqual([])
        replica.signal('SIGTERM')
        expect(await replica.ended).toBe(0)
      },
    )

    fault(
      'F23',
      kind,
      'A caller whose event loop stands still beyond the deadlines of its requests gets the replies that have come meanwhile, and each call settles.',
      async (trial) => {
        const { page, until, figure } = trial
        const { spawn, call, pull } = cast(trial, kind, url)
        await spawn({ by: 'replica', handlerMs: 50, concurrency: total })
        const client = call()
        await ask(client, page, 0)
        const answered = (): number => {
          pull()
          return page.lines.filter(({ what }) => what === 'answered').length
        }
        const end = performance.now() + 3_000
        const asks = Promise.all(Array.from({ length: total }, (_, n) => ask(client, page, n, 3_000)))
        await until('the first is answered', () => answered() > 1)
        trial.fault('the event loop of the caller stands still until all are answered, and their deadlines over')
        while (performance.now() < end + 500 || (answered() <= total && performance.now() < end + 20_000));
        const replies = (await asks).filter(E.isRight).length
        figure('replies', replies)
        // n.b. from Kafka a caller gets only what it asks for once it goes on
        expect(replies).toBeGreaterThanOrEqual(kind === 'kafka' ? 1 : total)
      },
      { variant: 'caller' },
    )

    fault(
      'F23',
      kind,
      'Wall clocks that jump by an hour, together or one by one, expire no request, and bring no retry early or late.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { site, serve, call } = cast(trial, kind, url, { retryTopics: true })
        const here = settable()
        const there = settable()
        const starts = new Map<number, Array<number>>()
        await serve({
          clock: there.clock,
          policy: { retry: delays(1_000), classify: () => 'retryable' },
          work: (id) => async () => {
            const all = starts.get(id) ?? []
            starts.set(id, [...all, performance.now()])
            if (all.length === 0) return E.left('again')
            page.handled(id)
            return E.right(undefined)
          },
          asked: () => () => pause(200),
        })
        const client = call(undefined, { clock: here.clock })
        const asking = () => Promise.all(Array.from({ length: 8 }, (_, n) => ask(client, page, n, 10_000)))
        await asking()
        const outcomes: Array<readonly [string, ReadonlyArray<string>]> = []
        for (const [what, jump] of [
          ['both clocks an hour ahead', () => [here, there].forEach((one) => one.jump(hour))],
          ['both clocks back', () => [here, there].forEach((one) => one.jump(-hour))],
          ['the clock of the caller an hour ahead', () => here.jump(hour)],
          ['and back', () => here.jump(-hour)],
          ['the clock of the caller an hour behind', () => here.jump(-hour)],
          ['and back', () => here.jump(hour)],
        ] as const) {
          trial.fault(what)
          const first = starts.size
          for (let n = 0; n < 5; n++) await emit(client, page, first + n, 60_000, '')
          await until('they have failed once', () => starts.size === first + 5)
          const underWay = asking()
          await pause(50)
          jump()
          outcomes.push([what, tagsOf(await underWay)], [what, tagsOf(await asking())])
        }
        await drained()
        const gaps = [...starts.values()].map(([first, second]) => (second ?? Infinity) - (first ?? 0))
        figure('retriedAfterAtLeastMs', Math.round(Math.min(...gaps)))
        expect(Math.min(...gaps)).toBeGreaterThan(490)
        expect(outcomes.filter(([, tags]) => tags.join() !== 'Right')).toEqual([])
        expect(await (await foreign(site)).letters()).toEqual([])
      },
      { variant: 'clocks' },
    )
  })

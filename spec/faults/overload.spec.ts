/** A replica that is sent far more than it can do, and callers that are asked for far more than they can send. */
import * as E from 'fp-ts/lib/Either.js'
import { json, type Serde } from 'taskwire'
import { expect, onTestFinished } from 'vitest'
import { maxPending, maxPendingBytes } from '../../lib/client/calls.js'
import { retained } from '../../lib/testing/conformance/memory.js'
import type { Child } from '../brokers/child.js'
import { freePort } from '../brokers/port.js'
import { kinds } from '../brokers/software.js'
import { withBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault, type Trial } from './fault.js'
import { ask, emit } from './load.js'
import { noted } from './page.js'

const kibi = 1_024
const mebi = 1_048_576

/** JSON, and behind it as many blanks as make so many bytes of it. */
const padded = (bytes: number): Serde => {
  const blanks = ' '.repeat(bytes)
  return {
    ...json,
    serialize: (value) => E.map((body) => `${String(body)}${blanks.slice(String(body).length)}`)(json.serialize(value)),
  }
}

/** What so many bodies have in all, in MiB. */
const inMiB = (count: number, bytes: number): number => Math.round((count * bytes) / mebi)

/** How many calls ended how, by the tags of their errors. */
type Outcomes = Readonly<Record<string, number>>

/** Makes so many calls at once, numbered from `from` on. */
const atOnce = async (
  from: number,
  count: number,
  call: (n: number) => Promise<E.Either<{ readonly _tag: string }, unknown>>,
): Promise<Outcomes> => {
  const all = await Promise.all(Array.from({ length: count }, (_, n) => call(from + n)))
  const tags = all.map((one) => (E.isLeft(one) ? one.left._tag : one._tag))
  return Object.fromEntries([...new Set(tags)].map((tag) => [tag, tags.filter((one) => one === tag).length]))
}

/** A replica that is slow until SIGUSR2. */
const slow = { by: 'replica', handlerMs: 50, concurrency: 4 } as const

/** Ends the replica, and tells how much its memory has grown at most, in MiB. */
const grownBy = async ({ page }: Trial, replica: Child, pull: () => void): Promise<number> => {
  replica.signal('SIGTERM')
  expect(await replica.ended).toBe(0)
  pull()
  return Number(noted(page, slow.by, 'grown by MiB: '))
}

/** Watches how much more this process really holds, in MiB; the result ends that, and tells the most. */
const watchHeld = (): (() => number) => {
  const before = retained()
  let most = 0
  const look = (): void => void (most = Math.max(most, Math.round((retained() - before) / mebi)))
  const timer = setInterval(look, 500)
  const end = (): number => {
    clearInterval(timer)
    return most
  }
  onTestFinished(() => void end())
  return end
}

/** How much this process may grow in all, with the garbage of its callers. */
const memoryMiB = 1_024

for (const kind of kinds)
  await withBroker(kind, (url) => {
    fault(
      'F27',
      kind,
      'A replica that is sent far more than it can do does not grow with it, nor do callers that are asked for far more than they can send: what is beyond their bounds is refused, typed, and all that was accepted is handled.',
      async (trial) => {
        const { page, drained, figure } = trial
        const { site, spawn, call, pull } = cast(trial, kind, url)
        const replica = await spawn(slow)
        const eventBytes = 16 * kibi
        const requestBytes = kibi
        const emitter = call(site, { serde: padded(eventBytes) })
        const asker = call(site, { serde: padded(requestBytes) })
        const [bursts, events, requests] = [3, 15_000, 12_000]
        trial.fault(`${requests} requests at once for a slow replica, and ${bursts} times ${events} events at once`)
        const held = watchHeld()
        const asking = atOnce(1_000_000, requests, (n) => ask(asker, page, n, 3_000))
        const fit = maxPendingBytes / eventBytes
        for (let burst = 0; burst < bursts; burst++)
          expect(await atOnce(burst * events, events, (id) => emit(emitter, page, id, 60_000, ''))).toEqual({
            Right: fit,
            Overloaded: events - fit,
          })
        const { Right: answered = 0, Overloaded: refused = 0, TimeoutError: late = 0 } = await asking
        expect(refused).toBeGreaterThanOrEqual(requests - maxPending)
        expect(answered + refused + late).toBe(requests)
        pull()
        const most = held()
        figure('eventsOfferedMiB', inMiB(bursts * events, eventBytes))
        figure('eventsAcceptedMiB', inMiB(bursts * fit, eventBytes))
        figure('callersHeldMiB', most)
        figure('eventsRefused', bursts * (events - fit))
        figure('requestsAnswered', answered)
        figure('requestsRefused', refused)
        figure('startsMeanwhile', page.starts.length)
        expect(most, 'MiB that callers held').toBeLessThan(384)
        replica.signal('SIGUSR2')
        expect(await ask(asker, page, 1)).toEqual(E.right(1))
        await drained(pull)
        const grown = await grownBy(trial, replica, pull)
        figure('replicaGrownMiB', grown)
        expect(grown, 'MiB that the memory of the replica grew').toBeLessThan(128)
      },
      { memoryMiB },
    )
  })

fault(
  'F27',
  'tcp',
  'A replica that is asked far more than it can do does not grow with it: it refuses what is beyond its bounds, typed, and answers as before when there is less to do.',
  async (trial) => {
    const { page, figure } = trial
    const { site, spawn, call, pull } = cast(trial, 'tcp', `tcp://127.0.0.1:${await freePort()}`)
    const replica = await spawn(slow)
    const bytes = 6 * kibi
    // n.b. none comes to a bound of its own: 256 requests on a connection
    const callers = Array.from({ length: 100 }, () => call(site, { serde: padded(bytes) }))
    const [bursts, requests] = [3, 25_000]
    trial.fault(`${bursts} times ${requests} requests at once for a slow replica, from ${callers.length} callers`)
    let all: Outcomes = {}
    for (let burst = 0; burst < bursts; burst++) {
      const more = await atOnce(burst * requests, requests, (n) => ask(callers[n % callers.length]!, page, n, 1_500))
      for (const [tag, count] of Object.entries(more)) all = { ...all, [tag]: (all[tag] ?? 0) + count }
    }
    // n.b. a second of silence is enough here to give a connection up, and so much at once may take longer
    const { Right: answered = 0, Overloaded: refused = 0, TimeoutError: late = 0, Disconnected: cut = 0 } = all
    expect(answered + refused + late + cut).toBe(bursts * requests)
    expect(refused).toBeGreaterThan(0)
    figure('askedMiB', inMiB(bursts * requests, bytes))
    figure('requestsAnswered', answered)
    figure('requestsRefused', refused)
    replica.signal('SIGUSR2')
    expect(await ask(callers[0]!, page, 1)).toEqual(E.right(1))
    const grown = await grownBy(trial, replica, pull)
    figure('replicaGrownMiB', grown)
    expect(grown, 'MiB that the memory of the replica grew').toBeLessThan(256)
  },
  { memoryMiB },
)

/** One run: a victim that is killed at a step, and a fresh replica that has to bring everything to its end. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { deadLetters, listen, type Client } from 'taskwire'
import { onTestFinished } from 'vitest'
import { start, type Child } from '../../brokers/child.js'
import type { Trial } from '../fault.js'
import type { Line } from '../page.js'
import { until } from '../waiting.js'
import type { Ground, Lying } from './ground.js'
import { arrived, problems, type Fate, type Promised } from './judge.js'
import { bodyOf, headers, patternOf, service, type Order } from './scenario.js'
import type { Step } from './steps.js'
import { transport, type Place } from './transports.js'
import type { Given } from './victim.js'

/** What a victim does. */
export interface Scenario {
  readonly name: 'event' | 'retry' | 'letter' | 'redrive' | 'stop'
  readonly variant?: string
  /** One sentence. */
  readonly guarantee: string
  /** The events that it gets, in order; those that lie as dead letters, for a redrive. */
  readonly orders: ReadonlyArray<Pick<Order, 'do' | 'ms'> & { readonly key?: string }>
  /** The one of them with which it is told to stop. */
  readonly stopAt?: number
  /** Milliseconds before a retry, at most. Default 100. */
  readonly delayMs?: number
  readonly retryTopics?: boolean
  readonly promised: Promised
  /** Units that are no steps of it, but a matter of time. */
  readonly ignored?: ReadonlyArray<string>
}

/** How a victim ended: at its step, or after everything, and then with all of its steps. */
type Ended = { readonly how: 'killed' } | { readonly how: 'over'; readonly steps: ReadonlyArray<Step> }

/** What all runs of a test share. */
export interface Stage {
  readonly trial: Trial
  readonly scenario: Scenario
  readonly place: Place
  readonly at: Ground
  readonly client: Client
  readonly file: string
  readonly log: string
  readonly note: (line: Line) => void
}

const victim = async (stage: Stage, name: string, work: Given['work'], step?: Step, ready?: () => Promise<void>) => {
  const { scenario, place, file, log } = stage
  const { delayMs = 100, ignored = [] } = scenario
  const steps = join(dirname(file), `${name}.steps`)
  const given: Given = { place, name, work, delayMs, ignored, log, steps, ...(step === undefined ? {} : { step }) }
  const child: Child = start({ file: process.execPath, args: [file, JSON.stringify(given)] })
  onTestFinished(() => child.signal('SIGKILL'))
  const said = (word: string): boolean => child.output().split('\n').includes(word)
  if (ready !== undefined) {
    await until(`${name} listens`, () => said('ready') || !child.running())
    await ready()
  }
  await until(`${name} is over`, () => said('over') || !child.running())
  const over = said('over')
  child.signal('SIGKILL')
  // n.b. an end of its own has a code
  if ((await child.ended) !== null) throw new Error(`${name} ended by itself: ${child.output()}`)
  const ended: Ended = over ? { how: 'over', steps: JSON.parse(readFileSync(steps, 'utf8')) } : { how: 'killed' }
  return ended
}

interface Sent {
  readonly order: Omit<Order, 'text'> & { readonly key?: string }
  readonly messageId: string
}

const emit = async ({ trial: { page }, client }: Stage, name: string, { order, messageId }: Sent): Promise<void> => {
  page.emitted(order.id)
  const { key } = order
  const options = { timeout: 60_000, messageId, headers, ...(key === undefined ? {} : { key }) }
  const result = await page.call(60_000, client.emit(patternOf(name), bodyOf(order), options))
  if (E.isRight(result)) page.confirmed(order.id)
  else throw new Error(`an emit of the test itself failed: ${JSON.stringify(result.left)}`)
}

const replica = async (stage: Stage, name: string, by: string, mended = true) => {
  const { note, place, scenario } = stage
  const definition = service(name, { by, note, mended, delayMs: scenario.delayMs ?? 100 })
  const on = definition.transport(transport(place, 'other'))
  const started = await listen(on, { log: false, startTimeout: 60_000, drainTimeout: 5_000, abortGrace: 200 })()
  if (E.isLeft(started)) throw new Error(JSON.stringify(started.left))
  onTestFinished(async () => {
    await started.right.stop()
  })
  return { on, running: started.right }
}

const fatesOf = (
  { trial: { page } }: Stage,
  sent: ReadonlyArray<Sent>,
  letters: ReadonlyArray<Lying>,
): ReadonlyArray<Fate> =>
  sent.map((one) => ({
    ...one,
    starts: page.starts.filter(({ id, by }) => id === one.order.id && (by !== 'before' || one.order.do !== 'mend')),
    handled: page.entries.filter(({ what, id }) => what === 'handled' && id === one.order.id).length,
    letters: letters.filter(({ messageId }) => messageId === one.messageId),
  }))

/** Puts back what is to be mended, and says what lies there then. */
const redrive = async ({ place, scenario, note }: Stage, name: string): Promise<ReadonlyArray<Lying>> => {
  const on = service(name, { by: '', note, delayMs: scenario.delayMs ?? 100 }).transport(transport(place, 'other'))
  const looking = deadLetters(on)
  const done = await looking.redrive({ where: ({ payload }) => E.isRight(payload) && payload.right.do === 'mend' })()
  if (E.isLeft(done) || done.right.refused > 0) throw new Error(`the redrive: ${JSON.stringify(done)}`)
  const left = await looking.list()()
  if (E.isLeft(left)) throw new Error(JSON.stringify(left.left))
  return left.right.map(({ body, headers: found, messageId, reason }) => ({
    ...{ body: String(Buffer.from(body ?? [])), headers: { ...found }, messageId, attempts: reason.attempts },
  }))
}

/** How a run went. */
export interface Outcome {
  readonly ended: Ended
  /** What did not hold, each in one sentence. */
  readonly wrong: ReadonlyArray<string>
  /** Events that were begun again after everything had been done. */
  readonly again: number
  /** Those that came back when the next replica had stopped. */
  readonly late: ReadonlyArray<string>
}

/** A run under a name of its own; `n` sets its numbers apart. Without a step it is killed after everything. */
export const run = async (stage: Stage, n: number, name: string, step?: Step): Promise<Outcome> => {
  const { trial, scenario, at, log } = stage
  const { page } = trial
  const sent = scenario.orders.map((order, i) => ({ order: { ...order, id: 10 * n + i }, messageId: `${name}-${i}` }))
  const probe: Sent = { order: { id: 10 * n + 9, do: 'handle', ms: 0 }, messageId: `${name}-probe` }
  const emitAll = async (): Promise<void> => {
    await Promise.all(sent.map((one) => emit(stage, name, one)))
  }
  // n.b. each look costs the broker something
  const slowly = (what: string | (() => string), holds: () => Promise<boolean>): Promise<void> =>
    until(what, holds, 60_000, 100)

  let ended: Ended
  let lying: ReadonlyArray<Lying> | undefined
  if (scenario.name === 'redrive') {
    const { running } = await replica(stage, name, 'before', false)
    await emitAll()
    await slowly('they are dead letters', async () => (await at.letters(name)).length === sent.length)
    await running.stop()
    ended = await victim(stage, name, 'redrive', step)
    // n.b. what the one that was killed had in its hands is back once the broker has noticed
    const there = async (): Promise<number> => (await at.letters(name)).length + (await at.left(name))
    await slowly('every letter is there, or was put back', async () => (await there()) >= sent.length)
    lying = await redrive(stage, name)
  } else {
    const ids = sent.map(({ order }) => order.id)
    const stopAt = ids[scenario.stopAt ?? -1]
    ended = await victim(stage, name, { ids, ...(stopAt === undefined ? {} : { stopAt }) }, step, emitAll)
  }

  const wrongOf = (fates: ReadonlyArray<Fate>): ReadonlyArray<string> =>
    fates.flatMap((fate) => problems(fate, { ...scenario.promised, redriven: fate.order.do === 'mend' }))
  const { running } = await replica(stage, name, 'after')
  const fails = sent.some(({ order }) => order.do === 'fail')
  const look = async () => {
    page.follow(log)
    return fatesOf(stage, sent, lying ?? (fails ? await at.letters(name) : []))
  }
  let seen: ReadonlyArray<Fate> = []
  await slowly(
    () => `every event has its end; ${wrongOf(seen).join('; ')}`,
    async () => (seen = await look()).every(arrived),
  )
  await emit(stage, name, probe)
  await until('what comes afterwards is handled', async () => {
    page.follow(log)
    return fatesOf(stage, [probe], []).every(arrived)
  })
  const empty = async (): Promise<boolean> => (await at.left(name)) === 0
  await slowly('nothing is left at the broker', empty)
  await running.stop()
  // n.b. RabbitMQ shows nobody what a connection holds that it has yet to miss: it may come back only now
  const late = await empty().then((is) => !is)
  if (late) {
    const another = await replica(stage, name, 'later')
    await slowly('nothing is left at the broker in the end', empty)
    await another.running.stop()
  }
  const letters = lying ?? (await at.letters(name))
  page.follow(log)
  const fates = fatesOf(stage, sent, letters)
  for (const fate of fates) for (const _ of fate.letters) page.buried(fate.order.id)
  await at.clear(name)
  return {
    ended,
    wrong: wrongOf(fates),
    again: fates.flatMap(({ starts }) => starts.filter(({ by }) => by === 'after')).length,
    late: [...fates, ...fatesOf(stage, [probe], [])].flatMap(({ messageId, order, starts }) =>
      starts.flatMap(({ by, attempt }) => (by === 'later' ? [`${messageId} (${order.do}) as ${attempt}`] : [])),
    ),
  }
}

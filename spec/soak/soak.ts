/** One soak of one broker: a steady load, faults at random, then calm, and the judgement. */
import * as E from 'fp-ts/lib/Either.js'
import { deadLetters } from 'taskwire'
import type { Kind } from '../brokers/software.js'
import { transport } from '../faults/transports.js'
import { verdict } from '../faults/verdict.js'
import { pause, until } from '../faults/waiting.js'
import { chance } from './chance.js'
import { brokenBounds, memoryOf, type SoakResult } from './result.js'
import { diesAway, service } from './service.js'
import { onStage, type Stage } from './stage.js'
import { storm } from './storm.js'

export interface SoakOptions {
  readonly kind: Kind
  readonly minutes: number
  readonly seed: number
  /** Events in a second. */
  readonly rate: number
  /** Where a line of text goes. */
  readonly print: (line: string) => void
}

/** Milliseconds that each step beside the faults may take. */
const patience = 300_000

const quiet = (): void => undefined

/** Every kind of event has been there once, and what the broker declares for it is on disk before it is killed. */
const warmUp = async ({ broker, page, pull }: Stage): Promise<void> => {
  await until('the first 1,000 events are accepted', () => (pull(), page.count('confirmed') >= 1_000), patience)
  await pause(5_000)
  await broker.flush()
}

/** How long nothing has been handled at most, though nothing was broken. */
const idleness = () => {
  let broken = 0
  let handled = 0
  let since = performance.now()
  let longest = 0
  return {
    broken: (more: 1 | -1): void => void (broken += more),
    look: (count: number): void => {
      const now = performance.now()
      if (broken > 0 || count > handled) since = now
      handled = count
      longest = Math.max(longest, now - since)
    },
    seconds: (): number => Math.round(longest / 100) / 10,
  }
}

const lettersOf = ({ site }: Stage) => deadLetters(service(quiet, quiet).transport(transport(site)), { log: false })

/** Puts back, among the faults, dead letters that become dead letters again; says how many when `over`. */
const redriving = async (stage: Stage, { seed, kind, print }: SoakOptions, over: () => boolean): Promise<number> => {
  const own = chance(seed, 'letters')
  const letters = lettersOf(stage)
  let redriven = 0
  for (;;) {
    await pause(own.between(2_000, 10_000))
    if (over()) return redriven
    const swept = await letters.redrive({
      where: ({ payload }) => E.isRight(payload) && diesAway(payload.right),
      limit: Math.ceil(own.between(0, 30)),
    })()
    if (E.isLeft(swept)) print(`${kind} a redrive failed: ${swept.left._tag}`)
    else redriven += swept.right.redriven
  }
}

/** The time of the faults: what was done, and how long it took to come back. */
const stormy = async (stage: Stage, options: SoakOptions) => {
  const { kind, seed, minutes, print } = options
  const { page, herd, pull } = stage
  const began = performance.now()
  const faults: Array<string> = []
  const clock = (): string => `${((performance.now() - began) / 1_000).toFixed(1)} s`
  const say = (what: string): void => print(`${kind} ${clock().padStart(8)}  ${what}`)
  const idle = idleness()
  const look = setInterval(() => {
    pull()
    idle.look(page.count('handled'))
  }, 500)
  const progress = setInterval(() => {
    const [confirmed, handled] = [page.count('confirmed'), page.count('handled')]
    say(`${confirmed} events accepted, ${handled} times handled, ${herd.size() + 1} replicas, ${faults.length} faults`)
  }, 10_000)
  let over = false
  const put = redriving(stage, options, () => over)
  try {
    await storm(stage, seed, minutes * 60_000, {
      begun: (what) => {
        idle.broken(1)
        faults.push(`${clock()}: ${what}`)
        say(what)
      },
      over: (what) => {
        idle.broken(-1)
        say(`over: ${what}`)
      },
    })
  } finally {
    over = true
    clearInterval(look)
    clearInterval(progress)
  }
  return { faults, longestIdleSeconds: idle.seconds(), redriven: await put }
}

/** The calm: everything is handled or set aside, with the steady replica alone. Gives what was set aside. */
const drain = async (stage: Stage, complain: (what: unknown) => void): Promise<ReadonlySet<number>> => {
  const { herd, steady, client, page, book, pull } = stage
  const buried = new Set<number>()
  const letters = lettersOf(stage)
  const drained = async (): Promise<boolean> => {
    pull()
    const listed = await letters.list({ limit: Number.POSITIVE_INFINITY })()
    if (E.isLeft(listed)) return false
    for (const { payload } of listed.right)
      if (E.isRight(payload) && buried.size < buried.add(payload.right).size) page.buried(payload.right)
    return verdict(page).lost === 0
  }
  await herd.end()
  // n.b. the latest sample may be from before the last fault
  const seen = book.samples('replica').length
  const ready = (): boolean => (
    pull(),
    book
      .samples('replica')
      .slice(seen + 1)
      .at(-1)?.ready === true
  )
  await until('the replica is ready', ready, patience).catch(complain)
  client.signal('SIGTERM')
  if ((await client.ended) !== 0) complain(`the last calls failed, or the client did: ${client.output().slice(-2_000)}`)
  await until('all that was confirmed is handled', drained, patience, 1_000).catch(complain)
  await herd.stop(steady)
  pull()
  return buried
}

/** Runs one soak. What it started has ended when it resolves. */
export const soak = (options: SoakOptions): Promise<SoakResult> =>
  onStage(options.kind, options.rate, async (stage) => {
    const { page, book, herd } = stage
    const { kind, seed, minutes } = options
    const otherwise: Array<string> = []
    await warmUp(stage)
    const { faults, longestIdleSeconds, redriven } = await stormy(stage, options)
    const calm = performance.now()
    const buried = await drain(stage, (what) => otherwise.push(String(what)))
    const untidy = herd.codes.filter((code) => code !== 0)
    if (untidy.length > 0)
      otherwise.push(`${untidy.length} of ${herd.codes.length} orderly stops ended with ${untidy.join(', ')}`)

    const { emitted, confirmed, handled, duplicates, lost, unheardOf } = verdict(page)
    const { made, unsettled, errors } = book.called()
    const result = {
      ...{ broker: kind, seed, minutes, messages: emitted, confirmed, handled, deadLettered: buried.size },
      ...{ duplicates, lost, unheardOf, wronglyBuried: [...buried].filter((id) => !diesAway(id)).length },
      ...{ calls: made, unsettledCalls: unsettled, answered: book.answered(), repeated: book.repeated(), errors },
      ...{
        faults,
        redriven,
        longestIdleSeconds,
        drainedAfterSeconds: Math.round((performance.now() - calm) / 100) / 10,
      },
      memory: ['client', 'replica'].map((by) => memoryOf(by, book.samples(by))),
    }
    const broken = brokenBounds(result, otherwise)
    return { ...result, passed: broken.length === 0, broken }
  })

/** One soak of one broker: a steady load, faults at random, then calm, and the judgement. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { deadLetters } from 'taskwire'
import { startBroker } from '../brokers/broker.js'
import { faultProxy } from '../brokers/proxy.js'
import type { Kind } from '../brokers/software.js'
import { launch } from '../faults/launch.js'
import { page as blank, tail } from '../faults/page.js'
import { transport, type Site } from '../faults/transports.js'
import { verdict } from '../faults/verdict.js'
import { pause, until } from '../faults/waiting.js'
import { herd as nobody } from './herd.js'
import type { ClientGiven } from './client.js'
import { ledger } from './ledger.js'
import type { Given } from './notes.js'
import { brokenBounds, memoryOf, type SoakResult } from './result.js'
import { fateOf, service } from './service.js'
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

/** Milliseconds that it may take until everything is handled after the faults. */
const patience = 300_000

const measured = { node: ['--expose-gc'], withinMs: 180_000 } as const

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
    longest: (): number => Math.round(longest / 100) / 10,
  }
}

/** Runs one soak. What it started has ended when it resolves. */
export const soak = async ({ kind, minutes, seed, rate, print }: SoakOptions): Promise<SoakResult> => {
  const undo: Array<() => unknown> = []
  try {
    const folder = mkdtempSync(join(tmpdir(), 'taskwire-soak-'))
    undo.push(() => rmSync(folder, { recursive: true, force: true }))
    const proxy = await faultProxy()
    undo.push(proxy.close)
    const broker = await startBroker(kind, kind === 'kafka' ? { advertised: proxy.port } : {})
    undo.push(broker.stop)
    proxy.upstream(broker)
    const site: Site = { kind, url: broker.url.replace(`:${broker.port}`, `:${proxy.port}`), prefix: 'soak.' }
    const [log, notes] = [join(folder, 'log'), join(folder, 'notes')]

    const steadyGiven: Given = { by: 'replica', site, log, notes, measured: true }
    const steady = await launch(new URL('replica.ts', import.meta.url), steadyGiven, measured)
    undo.push(() => steady.signal('SIGKILL'))
    const herd = nobody({ site, log, notes })
    undo.push(herd.kill)
    await herd.add()
    const clientGiven: ClientGiven = { by: 'client', site, log, notes, rate }
    const client = await launch(new URL('client.ts', import.meta.url), clientGiven, measured)
    undo.push(() => client.signal('SIGKILL'))

    const page = blank()
    const book = ledger(tail(notes))
    const pull = (): void => {
      page.follow(log)
      book.read()
    }
    // n.b. every kind of event has been there once, so that what the broker declares for it is on disk before it is killed
    await until('the first 1,000 events are accepted', () => (pull(), page.count('confirmed') >= 1_000), patience)
    await pause(5_000)
    await broker.flush()

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
      say(
        `${confirmed} events accepted, ${handled} times handled, ${herd.size() + 1} replicas, ${faults.length} faults`,
      )
    }, 10_000)
    const unwatched = (): void => [look, progress].forEach(clearInterval)
    undo.push(unwatched)
    await storm({ broker, proxy, herd, steady }, seed, minutes * 60_000, {
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

    const calm = performance.now()
    const otherwise: Array<string> = []
    await herd.end()
    client.signal('SIGTERM')
    if ((await client.ended) !== 0)
      otherwise.push(`the last calls failed, or the client did: ${client.output().slice(-2_000)}`)
    unwatched()

    const letters = deadLetters(
      service(
        () => undefined,
        () => undefined,
      ).transport(transport(site)),
      { log: false },
    )
    const buried = new Set<number>()
    const drained = async (): Promise<boolean> => {
      pull()
      const listed = await letters.list({ limit: Number.POSITIVE_INFINITY })()
      if (E.isLeft(listed)) return false
      for (const { payload } of listed.right)
        if (E.isRight(payload) && buried.size < buried.add(payload.right).size) page.buried(payload.right)
      return verdict(page).lost === 0
    }
    await until('all that was confirmed is handled', drained, patience, 1_000).catch((error: unknown) =>
      otherwise.push(String(error)),
    )
    const drainedAfterSeconds = Math.round((performance.now() - calm) / 100) / 10
    await herd.stop(steady)
    pull()
    const untidy = herd.codes.filter((code) => code !== 0)
    if (untidy.length > 0)
      otherwise.push(`${untidy.length} of ${herd.codes.length} orderly stops ended with ${untidy.join(', ')}`)

    const { emitted, confirmed, handled, duplicates, lost, unheardOf } = verdict(page)
    const { made, unsettled, errors } = book.called()
    const result = {
      ...{ broker: kind, seed, minutes, messages: emitted, confirmed, handled, deadLettered: buried.size },
      ...{ duplicates, lost, unheardOf },
      wronglyBuried: [...buried].filter((id) => !['refused', 'exhausted', 'broken'].includes(fateOf(id))).length,
      ...{ calls: made, unsettledCalls: unsettled, answered: book.answered(), repeated: book.repeated(), errors },
      ...{ faults, longestIdleSeconds: idle.longest(), drainedAfterSeconds },
      memory: ['client', 'replica'].map((by) => memoryOf(by, book.samples(by), minutes)),
    }
    const broken = brokenBounds(result, otherwise)
    return { ...result, passed: broken.length === 0, broken }
  } finally {
    for (const end of undo.reverse()) await end()
  }
}

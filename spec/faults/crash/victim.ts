/**
 * The process that is killed: `victim.cjs <what it is given, as JSON>`. It prints `ready` when it listens. Where it is not
 * killed it writes its steps to a file, as JSON, once it has nothing left to do, prints `over`, and waits to be killed.
 */
import { openSync, writeFileSync, writeSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { deadLetters, listen } from 'taskwire'
import type { Line } from '../page.js'
import { service } from './scenario.js'
import { watch, type Step } from './steps.js'
import { transport, type Place } from './transports.js'

/** What a victim is told. */
export interface Given {
  readonly place: Place
  /** Of its service. */
  readonly name: string
  /** What it does: handle these, stop while one of them is being handled, or put dead letters back. */
  readonly work: { readonly ids: ReadonlyArray<number>; readonly stopAt?: number } | 'redrive'
  readonly delayMs: number
  /** Where it is killed. */
  readonly step?: Step
  /** Units that are no steps. */
  readonly ignored: ReadonlyArray<string>
  readonly log: string
  /** The file of its steps. */
  readonly steps: string
}

const given = JSON.parse(process.argv[2] ?? '{}') as Given
const { place, name, work, delayMs } = given
const steps = watch(place.kind, given.step, given.ignored)

// n.b. no stream for what it prints: that would be a socket, too
const print = (line: string): void => void writeSync(1, `${line}\n`)
const file = openSync(given.log, 'a')
let heard = (_: Line): void => undefined
const note = (line: Line): void => {
  writeSync(file, `${JSON.stringify(line)}\n`)
  heard(line)
}

/** Longer than what was done may wait to be told to the broker, in milliseconds. */
const quietMs = 1_000
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const ended = new Set<number>()
const definition = service(name, { by: 'victim', note, ended: (id) => void ended.add(id), delayMs })
const on = definition.transport(transport(place, 'victim'))

const handle = async (ids: ReadonlyArray<number>, stopAt?: number): Promise<unknown> => {
  const started = await listen(on)()
  if (E.isLeft(started)) return started.left
  let stopped = stopAt === undefined
  heard = (line) => {
    if (line.what !== 'started' || line.id !== stopAt) return
    // n.b. what is to be retried waits by now
    setTimeout(() => void started.right.stop().then(() => (stopped = true)), 50)
  }
  const done = (): boolean => stopped && (stopAt !== undefined || ids.every((id) => ended.has(id)))
  // n.b. what the beginning of listening has still to do
  await pause(100)
  steps.begin()
  print('ready')
  while (!done()) await pause(20)
  // n.b. what was done last may not have moved anything yet
  const since = performance.now()
  while (Math.min(steps.quietMs(), performance.now() - since) < quietMs) await pause(20)
  return undefined
}
const redrive = async (): Promise<unknown> => {
  steps.begin()
  const done = await deadLetters(on).redrive({
    where: ({ payload }) => E.isRight(payload) && payload.right.do === 'mend',
  })()
  return E.isLeft(done) ? done.left : undefined
}

const main = async (): Promise<void> => {
  const failed = await (work === 'redrive' ? redrive() : handle(work.ids, work.stopAt))
  if (failed !== undefined) throw new Error(JSON.stringify(failed))
  writeFileSync(given.steps, JSON.stringify(steps.all()))
  print('over')
  await pause(600_000)
}

main().catch((error: unknown) => {
  print(String(error))
  process.exit(1)
})

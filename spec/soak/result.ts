/** What a soak came to, and the bounds that it has to keep. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Kind } from '../brokers/software.js'
import type { Sample } from './notes.js'

/** The memory of a process that lived through it all, in MiB: medians of what is resident after garbage collections. */
export interface Memory {
  readonly process: string
  /** In the second, third and fourth tenth of its life. */
  readonly startMiB: number
  /** In the last three tenths. */
  readonly endMiB: number
  readonly grownPercent: number
}

/** The contents of `.tmp/soak/<broker>.json`. */
export interface SoakResult {
  readonly broker: Kind
  readonly seed: number
  readonly minutes: number
  /** No bound was broken. */
  readonly passed: boolean
  /** What was broken, in words. */
  readonly broken: ReadonlyArray<string>
  /** Events that were emitted, accepted, handled, and set aside: each counted once. */
  readonly messages: number
  readonly confirmed: number
  readonly handled: number
  readonly deadLettered: number
  /** Handled again: every time beyond the first. */
  readonly duplicates: number
  /** Confirmed, and neither handled nor set aside. */
  readonly lost: number
  /** Handled, though nobody had emitted it. */
  readonly unheardOf: number
  /** Dead letters of events that their handler would have taken at last. */
  readonly wronglyBuried: number
  /** Calls, emits included, and those that did not settle by their deadline. */
  readonly calls: number
  readonly unsettledCalls: number
  /** Requests that a replica has run, and those of them that are not idempotent and have run again. */
  readonly answered: number
  readonly repeated: number
  /** How calls failed, by their tags. */
  readonly errors: Readonly<Record<string, number>>
  /** What was done, in order. */
  readonly faults: ReadonlyArray<string>
  /** Dead letters that were put back meanwhile, and became dead letters again. */
  readonly redriven: number
  /** Seconds in which nothing was handled at most, though nothing was broken: the time to come back. */
  readonly longestIdleSeconds: number
  /** Seconds from the end of the faults until everything that had been confirmed was handled or set aside. */
  readonly drainedAfterSeconds: number
  readonly memory: ReadonlyArray<Memory>
}

const mebi = 1_048_576

/** How much memory may grow, and after how many minutes that is a bound: before, a process is still warming up. */
export const growth = { percent: 10, fromMinutes: 5 } as const

const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Compares the beginning, once it has warmed up, with the end of the samples of one process. */
export const memoryOf = (process: string, samples: ReadonlyArray<Sample>): Memory => {
  const part = (from: number, to: number): number =>
    median(samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to)).map(({ rss }) => rss)) /
    mebi
  // n.b. shorter parts differ by 15 % where the heap does not grow at all: what is resident goes up and down for a minute
  const [start, end] = [part(0.1, 0.4), part(0.7, 1)]
  const round = (value: number): number => Math.round(value * 10) / 10
  return { process, startMiB: round(start), endMiB: round(end), grownPercent: round((100 * (end - start)) / start) }
}

/** The bounds that were broken. */
export const brokenBounds = (
  result: Omit<SoakResult, 'passed' | 'broken'>,
  otherwise: ReadonlyArray<string>,
): ReadonlyArray<string> => {
  const none = (['lost', 'unheardOf', 'wronglyBuried', 'unsettledCalls', 'repeated'] as const).filter(
    (name) => result[name] !== 0,
  )
  const grown =
    result.minutes < growth.fromMinutes
      ? []
      : result.memory.filter(({ grownPercent }) => !(grownPercent < growth.percent))
  return [
    ...none.map((name) => `${name}: ${result[name]}`),
    ...grown.map(({ process, grownPercent }) => `the memory of the ${process} has grown by ${grownPercent} %`),
    ...otherwise,
  ]
}

/** Writes it to `<folder>/<broker>.json`. */
export const keep = (folder: string, result: SoakResult): void => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${result.broker}.json`), `${JSON.stringify(result, null, 2)}\n`)
}

const rows: ReadonlyArray<readonly [string, (result: SoakResult) => unknown]> = [
  ['', ({ broker }) => broker],
  ['minutes', ({ minutes }) => minutes],
  ['events', ({ messages }) => messages],
  ['accepted', ({ confirmed }) => confirmed],
  ['handled', ({ handled }) => handled],
  ['dead letters', ({ deadLettered }) => deadLettered],
  ['put back', ({ redriven }) => redriven],
  ['handled again', ({ duplicates }) => duplicates],
  ['lost', ({ lost }) => lost],
  ['calls', ({ calls }) => calls],
  ['not settled', ({ unsettledCalls }) => unsettledCalls],
  ['requests run', ({ answered }) => answered],
  ['run twice', ({ repeated }) => repeated],
  ['faults', ({ faults }) => faults.length],
  ['longest idle, s', ({ longestIdleSeconds }) => longestIdleSeconds],
  ['memory, client', ({ memory }) => grown(memory[0])],
  ['memory, replica', ({ memory }) => grown(memory[1])],
  ['passed', ({ passed }) => (passed ? 'yes' : 'NO')],
]

const grown = (memory: Memory | undefined): string =>
  memory === undefined ? '' : `${memory.startMiB} to ${memory.endMiB} MiB`

/** All results as lines of text, a column for each broker, and below what was broken. */
export const table = (results: ReadonlyArray<SoakResult>): string =>
  [
    ...rows.map(([title, cell]) => title.padEnd(18) + results.map((one) => String(cell(one)).padStart(22)).join('')),
    ...results.flatMap(({ broker, broken }) => broken.map((what) => `${broker}: ${what}`)),
  ].join('\n')

/** What the processes of a soak tell of themselves, a line each; what became of messages is in the history. */
import { openSync, writeSync } from 'node:fs'
import type { Site } from '../faults/transports.js'

/** A request that was run by a replica. */
export interface Answered {
  readonly what: 'answered'
  readonly id: number
}

/** How a process that lives through the whole soak is, every two seconds. */
export interface Sample {
  readonly what: 'sample'
  readonly by: string
  /** Milliseconds since the process began. */
  readonly at: number
  /** After a garbage collection, in bytes. */
  readonly rss: number
  readonly heap: number
  /** Of a replica: whether its service is. */
  readonly ready?: boolean
}

/** The calls of the client so far. */
export interface Called {
  readonly what: 'called'
  readonly made: number
  readonly unsettled: number
  readonly errors: Readonly<Record<string, number>>
}

export type Note = Answered | Sample | Called

/** What each program is told. */
export interface Given {
  readonly by: string
  readonly site: Site
  /** The file of the history. */
  readonly log: string
  /** The file of these notes. */
  readonly notes: string
  /** Tells of its memory. */
  readonly measured?: boolean
}

export const given = <G extends Given>(): G => JSON.parse(process.argv[2] ?? '{}') as G

/** Appends lines to a file: each is one write, so that what was written outlives a SIGKILL. */
export const writer = <L>(path: string): ((line: L) => void) => {
  const file = openSync(path, 'a')
  return (line) => void writeSync(file, `${JSON.stringify(line)}\n`)
}

/** Tells of this process, which was started with `--expose-gc`, every two seconds; the result ends it. */
export const measure = (
  by: string,
  write: (note: Note) => void,
  more: () => Pick<Sample, 'ready'> = () => ({}),
): (() => void) => {
  const timer = setInterval(() => {
    globalThis.gc?.()
    const { rss, heapUsed } = process.memoryUsage()
    write({ what: 'sample', by, at: Math.round(performance.now()), rss, heap: heapUsed, ...more() })
  }, 2_000)
  return () => clearInterval(timer)
}

/** The history of a case: what became of every message and of every call, in this process and in others. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import type { Task } from 'fp-ts/lib/Task.js'
import { history, type Entry, type History } from '../../lib/testing/conformance/history.js'

/** One start of a handler in a replica that is a process of its own. */
export interface Start {
  readonly id: number
  readonly by: string
  readonly attempt: number
  /** Milliseconds since 1970. */
  readonly at: number
}

/** One line of the file that processes write to: an entry, or the start of a handler. */
export type Line = Pick<Entry, 'what' | 'id' | 'by'> | ({ readonly what: 'started' } & Start)

/** A history that also knows of calls, and of what other processes have written down. */
export interface Page extends History {
  /** Runs a call that has `timeoutMs`, and notes whether it has ended by then. */
  readonly call: <A>(timeoutMs: number, call: Task<A>) => Promise<A>
  /** The calls that were made, and those of them that ended late or have not ended though their time is over. */
  readonly calls: () => { readonly made: number; readonly unsettled: number }
  /** The tags of errors, and how often each came. */
  readonly errors: ReadonlyMap<string, number>
  readonly failed: (tag: string) => void
  readonly starts: ReadonlyArray<Start>
  /** Takes over what processes have written to this file since the last time. */
  readonly follow: (path: string) => void
}

/** A call that ends so long after its deadline has not kept it: what a busy machine may add, in milliseconds. */
const allowance = 5_000

/** The lines of a file that somebody else is writing, from where the last look ended. */
const tail = (path: string): (() => ReadonlyArray<string>) => {
  let from = 0
  let rest = ''
  return () => {
    if (!existsSync(path)) return []
    const file = openSync(path, 'r')
    const bytes = Buffer.alloc(65_536)
    try {
      for (let read = readSync(file, bytes, 0, bytes.length, from); read > 0;) {
        from += read
        rest += bytes.toString('utf8', 0, read)
        read = readSync(file, bytes, 0, bytes.length, from)
      }
    } finally {
      closeSync(file)
    }
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    return lines
  }
}

/** A blank page. */
export const page = (now: () => number = () => performance.now()): Page => {
  const own = history()
  const open = new Set<number>()
  const errors = new Map<string, number>()
  const starts: Array<Start> = []
  const tails = new Map<string, () => ReadonlyArray<string>>()
  let made = 0
  let late = 0
  const note = (text: string): void => {
    const line = JSON.parse(text) as Line
    if (line.what === 'started') starts.push(line)
    else own[line.what](line.id, line.by)
  }
  return {
    ...own,
    errors,
    starts,
    failed: (tag) => void errors.set(tag, (errors.get(tag) ?? 0) + 1),
    call: async (timeoutMs, call) => {
      // n.b. two calls may have the same end: the number of the call makes them differ
      made += 1
      const end = now() + timeoutMs + allowance + made * 1e-6
      open.add(end)
      const result = await call()
      open.delete(end)
      if (now() > end) late += 1
      return result
    },
    calls: () => ({ made, unsettled: late + [...open].filter((end) => now() > end).length }),
    follow: (path) => {
      const more = tails.get(path) ?? tail(path)
      tails.set(path, more)
      more().forEach(note)
    },
  }
}

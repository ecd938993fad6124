/** The history of a case: what became of every message and of every call, in this process and in others. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { history, type Entry, type History } from '../../lib/testing/conformance/history.js'
import { noCalls, type Calls } from './calls.js'

/** One start of a handler in a replica that is a process of its own. */
export interface Start {
  readonly id: number
  readonly by: string
  readonly attempt: number
  /** Milliseconds since 1970. */
  readonly at: number
}

/** One line of the file that processes write to: an entry, the start of a handler, an answer to a request, anything else. */
export type Line =
  | Pick<Entry, 'what' | 'id' | 'by'>
  | ({ readonly what: 'started' } & Start)
  | { readonly what: 'answered'; readonly id: number; readonly by: string }
  | { readonly what: 'noted'; readonly by: string; readonly note: string }

/** A history that also knows of calls, and of what other processes have written down. */
export interface Page extends History, Calls {
  readonly starts: ReadonlyArray<Start>
  /** All that other processes have written down, in order. */
  readonly lines: ReadonlyArray<Line>
  /** Takes over what processes have written to this file since the last time. */
  readonly follow: (path: string) => void
}

/** The lines of a file that somebody else is writing, from where the last look ended. */
export const tail = (path: string): (() => ReadonlyArray<string>) => {
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
  const starts: Array<Start> = []
  const lines: Array<Line> = []
  const tails = new Map<string, () => ReadonlyArray<string>>()
  const note = (text: string): void => {
    const line = JSON.parse(text) as Line
    lines.push(line)
    if (line.what === 'started') starts.push(line)
    else if (line.what !== 'answered' && line.what !== 'noted') own[line.what](line.id, line.by)
  }
  return {
    ...own,
    ...noCalls(now),
    starts,
    lines,
    follow: (path) => {
      const more = tails.get(path) ?? tail(path)
      tails.set(path, more)
      more().forEach(note)
    },
  }
}

/** What a process has noted behind these words. */
export const noted = ({ lines }: Page, by: string, words: string): string | undefined =>
  lines
    .flatMap((line) => (line.what === 'noted' && line.by === by && line.note.startsWith(words) ? [line.note] : []))
    .at(-1)
    ?.slice(words.length)

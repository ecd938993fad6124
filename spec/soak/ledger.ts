/** What the processes of a soak have told of themselves, and what it comes to. */
import type { Called, Note, Sample } from './notes.js'

export interface Ledger {
  /** Takes over what is new. */
  readonly read: () => void
  readonly samples: (by: string) => ReadonlyArray<Sample>
  /** The latest about the calls of the client. */
  readonly called: () => Omit<Called, 'what'>
  /** Requests that were run, each time counted. */
  readonly answered: () => number
  /** Those that were run again though nobody had said that they may be: the even ones. */
  readonly repeated: () => number
}

/** Reads the lines that `more` gives. */
export const ledger = (more: () => ReadonlyArray<string>): Ledger => {
  const samples: Array<Sample> = []
  const asked = new Set<number>()
  let called: Omit<Called, 'what'> = { made: 0, unsettled: 0, errors: {} }
  let answered = 0
  let repeated = 0
  const take = (note: Note): void => {
    switch (note.what) {
      case 'answered':
        answered += 1
        if (note.id % 2 === 0 && asked.has(note.id)) repeated += 1
        asked.add(note.id)
        break
      case 'sample':
        samples.push(note)
        break
      case 'called': {
        const { what: _, ...rest } = note
        called = rest
      }
    }
  }
  return {
    read: () => more().forEach((line) => take(JSON.parse(line) as Note)),
    samples: (by) => samples.filter((one) => one.by === by),
    called: () => called,
    answered: () => answered,
    repeated: () => repeated,
  }
}

import type { IO } from 'fp-ts/lib/IO.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { Reason } from '../../core/settlement.js'
import { weight, type Message } from './message.js'

/** An event that was set aside: as it came, and why. */
export interface DeadLetter extends Message {
  readonly reason: Reason
  /** Whose endpoint gave it up: the group (empty for a service without a name) and the endpoint's id. */
  readonly group: string
  readonly endpoint: string
  /** The instance of the service that gave it up. */
  readonly instance: string
  /** The destination that the endpoint's `deadLetter` names; `undefined` where it names none. */
  readonly to: string | undefined
  /** When it was set aside, in Unix milliseconds. */
  readonly time: number
  /** How often it had been put back before. */
  readonly replays: number
}

/** Which dead letters are meant; all of them by default. */
export type LetterFilter = (letter: DeadLetter) => boolean

/** A dead letter, and the way back to the endpoint that gave it up. */
export interface Buried {
  readonly letter: DeadLetter
  /** Puts it back; false where that endpoint is gone for good. */
  readonly restore: () => boolean
}

/** The dead letters of one bus, the oldest first. */
export interface Letters {
  readonly all: IO<ReadonlyArray<DeadLetter>>
  /** Sets one aside; false when the list is full, and then nothing happened. */
  readonly bury: (buried: Buried) => boolean
  readonly redrive: (filter?: LetterFilter) => Task<number>
  readonly purge: (filter?: LetterFilter) => Task<number>
}

const every: LetterFilter = () => true

/** An empty list for at most `max` letters and `maxBytes` of bodies and headers; one letter always fits an empty list. */
export const letters = (max: number, maxBytes: number): Letters => {
  let list: Array<Buried> = []
  let bytes = 0
  const keep = (kept: Array<Buried>): number => {
    const taken = list.length - kept.length
    list = kept
    bytes = kept.reduce((sum, { letter }) => sum + weight(letter), 0)
    return taken
  }
  return {
    all: () => list.map(({ letter }) => letter),
    bury: (buried) => {
      const size = weight(buried.letter)
      if (list.length >= max || (list.length > 0 && bytes + size > maxBytes)) return false
      list.push(buried)
      bytes += size
      return true
    },
    redrive:
      (filter = every) =>
      () => {
        const chosen = new Set(list.filter(({ letter }) => filter(letter)))
        return Promise.resolve(keep(list.filter((buried) => !(chosen.has(buried) && buried.restore()))))
      },
    purge:
      (filter = every) =>
      () =>
        Promise.resolve(keep(list.filter(({ letter }) => !filter(letter)))),
  }
}

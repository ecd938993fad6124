import * as TE from 'fp-ts/lib/TaskEither.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { DeadLetter } from '../../core/letter.js'
import type { LetterStore } from '../transport.js'
import { weight } from './message.js'

/** A dead letter as it lies on a bus. */
export interface BusLetter extends DeadLetter {
  readonly body: Uint8Array
  /** The destination that the endpoint's `deadLetter` names; `undefined` where it names none. It lies here all the same. */
  readonly to: string | undefined
}

/** A dead letter, and the way back to the endpoint that gave it up. */
export interface Buried {
  readonly letter: BusLetter
  /** Puts it back; false where that endpoint is gone for good: of a service without a name whose connection has closed. */
  readonly restore: () => boolean
}

/** The dead letters of one bus, the oldest first. */
export interface Letters {
  readonly all: IO<ReadonlyArray<BusLetter>>
  /** Sets one aside; false when the list is full, and then nothing happened. */
  readonly bury: (buried: Buried) => boolean
  /** Those of one group. */
  readonly of: (group: string) => LetterStore
}

const shown = ({ to: _, ...letter }: BusLetter): DeadLetter => letter

/** An empty list for at most `max` letters and `maxBytes` of bodies and headers; one letter always fits an empty list. */
export const letters = (max: number, maxBytes: number): Letters => {
  const list = new Set<Buried>()
  let bytes = 0
  const remove = (buried: Buried): void => {
    if (list.delete(buried)) bytes -= weight(buried.letter)
  }
  return {
    // n.b. with bytes of their own: those that are kept are sent again
    all: () => [...list].map(({ letter }) => ({ ...letter, body: new Uint8Array(letter.body) })),
    bury: (buried) => {
      const size = weight(buried.letter)
      if (list.size >= max || (list.size > 0 && bytes + size > maxBytes)) return false
      list.add(buried)
      bytes += size
      return true
    },
    of: (group) => {
      const own = (): ReadonlyArray<Buried> => [...list].filter(({ letter }) => letter.service === group)
      return {
        read: (look) =>
          TE.fromIO(() => {
            own().every(({ letter }) => look(shown(letter)))
          }),
        sweep: (verdict) =>
          TE.fromIO(() => {
            let redriven = 0
            let dropped = 0
            for (const buried of own()) {
              const is = verdict(shown(buried.letter))
              if (is === 'stop') break
              if (is === 'keep' || (is === 'redrive' && !buried.restore())) continue
              if (is === 'redrive') redriven += 1
              else dropped += 1
              remove(buried)
            }
            return { redriven, dropped }
          }),
      }
    },
  }
}

/** Replicas that come and go. */
import type { Child } from '../brokers/child.js'
import { launch } from '../faults/launch.js'
import type { Given } from './notes.js'

export interface Herd {
  readonly size: () => number
  /** Starts one more, and resolves when it listens. */
  readonly add: () => Promise<void>
  /** Takes one out, by a number from 0 to 1; `undefined` when there is none. */
  readonly take: (which: number) => Child | undefined
  /** One that stays, in the same way. */
  readonly look: (which: number) => Child | undefined
  /** Stops them all in order. */
  readonly end: () => Promise<void>
  readonly kill: () => void
  /** How those that were stopped in order have ended: exit codes. */
  readonly codes: ReadonlyArray<number | null>
  /** Stops one in order. */
  readonly stop: (child: Child) => Promise<void>
}

/** Nobody yet. */
export const herd = (given: Omit<Given, 'by'>): Herd => {
  const all: Array<Child> = []
  const codes: Array<number | null> = []
  let born = 0
  const at = (which: number): number => Math.floor(which * all.length)
  const stop = async (child: Child): Promise<void> => {
    child.signal('SIGCONT')
    child.signal('SIGTERM')
    codes.push(await child.ended)
  }
  return {
    codes,
    stop,
    size: () => all.length,
    add: async () => {
      born += 1
      const one = await launch(
        new URL('replica.ts', import.meta.url),
        { ...given, by: `replica ${born}` },
        { withinMs: 180_000 },
      )
      all.push(one)
    },
    take: (which) => all.splice(at(which), 1)[0],
    look: (which) => all[at(which)],
    kill: () => all.splice(0).forEach((one) => one.signal('SIGKILL')),
    end: async () => {
      await Promise.all(all.splice(0).map(stop))
    },
  }
}

/** The load of events: publishers that await each other's acceptance, and the count of what was handled. */
import type { Emit, Handled } from './contender.js'
import { cpuUs } from './load.js'
import { samples } from './payload.js'

/** Microseconds are lost, but two processes of one machine can compare it. */
export const now = (): number => performance.timeOrigin + performance.now()

export interface Published {
  /** When the first was published. */
  readonly began: number
  /** User and system time of this process, microseconds. */
  readonly cpuUs: number
}

/** Publishes the events `from` to `from + count`, at most `window` of them not yet accepted. */
export const publish = async (emit: Emit, from: number, count: number, window: number): Promise<Published> => {
  let next = from
  const publisher = async (): Promise<void> => {
    while (next < from + count) await emit({ ...samples[0]!, seq: next++ })
  }
  const cpuBefore = cpuUs()
  const began = now()
  await Promise.all(Array.from({ length: Math.min(window, count) }, publisher))
  return { began, cpuUs: cpuUs() - cpuBefore }
}

export interface Tally {
  readonly handled: Handled
  /** Counts from now on the events `from` to `from + count`, each once, and no others. */
  readonly expect: (from: number, count: number) => void
  /** Resolves when all were handled, with that time; or after `ms`, with what is missing. */
  readonly all: (ms: number) => Promise<{ readonly at: number; readonly missing: number }>
}

export const tally = (): Tally => {
  let first = 0
  let seen = new Uint8Array(0)
  let missing = 0
  let at = 0
  let complete = (): void => {}
  return {
    handled: ({ seq }) => {
      const index = seq - first
      if (seen[index] !== 0) return
      seen[index] = 1
      missing -= 1
      if (missing > 0) return
      at = now()
      complete()
    },
    expect: (from, count) => {
      first = from
      seen = new Uint8Array(count)
      missing = count
    },
    all: async (ms) => {
      await new Promise<void>((resolve) => {
        if (missing === 0) return resolve()
        const timer = setTimeout(resolve, ms)
        complete = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      return { at, missing }
    },
  }
}

/** Chance that can be had again: the same seed, the same choices. */
import { seededRandom } from 'taskwire/testing'

export interface Chance {
  /** From 0 up to, but not including, 1. */
  readonly next: () => number
  /** Between two numbers. */
  readonly between: (low: number, high: number) => number
  readonly pick: <A>(all: readonly [A, ...ReadonlyArray<A>]) => A
}

/** Choices from a seed; each name has a sequence of its own, which does not depend on how often another is asked. */
export const chance = (seed: number, name: string): Chance => {
  const next = seededRandom(Buffer.from(name).reduce((hash, byte) => Math.imul(hash ^ byte, 16_777_619), seed))
  return {
    next,
    between: (low, high) => low + (high - low) * next(),
    pick: (all) => all[Math.floor(next() * all.length)] ?? all[0],
  }
}

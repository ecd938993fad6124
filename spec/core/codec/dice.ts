/** Reproducible choices from one seed. */
export interface Dice {
  /** A whole number below. */
  readonly below: (n: number) => number
  readonly pick: <A>(of: ReadonlyArray<A>) => A
  readonly chance: (percent: number) => boolean
}

export const dice = (seed: number): Dice => {
  let state = seed | 0
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (n: number): number => Math.floor(next() * n)
  return { below, pick: (of) => of[below(of.length)]!, chance: (percent) => next() * 100 < percent }
}

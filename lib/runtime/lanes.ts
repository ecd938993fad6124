import { line, type Line } from '../core/line.js'

/** Lanes of keys: of each key one value is on its way, and the others wait behind it in order. */
export interface Lanes<A> {
  /** Takes the lane of a key if it is free; false when it is taken. */
  readonly enter: (key: string) => boolean
  /** Waits behind whoever has the lane. The result leaves, out of turn; harmless once it has left. */
  readonly join: (key: string, value: A) => () => void
  /** The lane's current value is over: the next one, which now has the lane, or nothing and the lane is free. */
  readonly next: (key: string) => A | undefined
  /** How many wait. */
  readonly size: () => number
  /** Takes out those who wait and pass the test; lanes that are taken stay taken. */
  readonly extract: (test: (value: A) => boolean) => ReadonlyArray<A>
}

/** No lanes yet. A lane exists while something of its key is on its way. */
export const lanes = <A>(): Lanes<A> => {
  const taken = new Map<string, Line<A> | undefined>()
  // n.b. counted, not summed up: a stop asks after each delivery that ends, and there may be ten thousand keys
  let waiting = 0
  return {
    enter: (key) => {
      if (taken.has(key)) return false
      taken.set(key, undefined)
      return true
    },
    join: (key, value) => {
      const lane = taken.get(key) ?? line<A>()
      taken.set(key, lane)
      const leave = lane.push(value)
      waiting += 1
      return () => {
        const before = lane.size()
        leave()
        waiting -= before - lane.size()
      }
    },
    next: (key) => {
      const value = taken.get(key)?.shift()
      if (value === undefined) taken.delete(key)
      else waiting -= 1
      return value
    },
    size: () => waiting,
    extract: (test) => {
      const out = [...taken.values()].flatMap((lane) => lane?.extract(test) ?? [])
      waiting -= out.length
      return out
    },
  }
}

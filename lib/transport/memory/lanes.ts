import { line, type Line } from '../../core/line.js'

/** Who waits behind whom: of all that carry one key, one at a time is under way. What carries no key waits for nobody. */
export interface Lanes<A> {
  /** Sets a value aside when something with its key is under way; false when nothing is. */
  readonly park: (key: string | undefined, value: A) => boolean
  /** Something with the key is under way. */
  readonly enter: (key: string | undefined) => void
  /** It is done. What stood behind it comes out and is under way in its place. */
  readonly leave: (key: string | undefined) => A | undefined
  /** How many are set aside. */
  readonly size: () => number
  /** Forgets every key; answers what was set aside. */
  readonly clear: () => ReadonlyArray<A>
}

/** No key under way. */
export const lanes = <A>(): Lanes<A> => {
  const busy = new Map<string, Line<A>>()
  let size = 0
  return {
    park: (key, value) => {
      const lane = key === undefined ? undefined : busy.get(key)
      if (lane === undefined) return false
      lane.push(value)
      size++
      return true
    },
    enter: (key) => {
      if (key !== undefined && !busy.has(key)) busy.set(key, line())
    },
    leave: (key) => {
      const lane = key === undefined ? undefined : busy.get(key)
      if (key === undefined || lane === undefined) return undefined
      const next = lane.shift()
      if (next === undefined) busy.delete(key)
      else size--
      return next
    },
    size: () => size,
    clear: () => {
      const parked = [...busy.values()].flatMap((lane) => {
        const values: Array<A> = []
        for (let value = lane.shift(); value !== undefined; value = lane.shift()) values.push(value)
        return values
      })
      busy.clear()
      size = 0
      return parked
    },
  }
}

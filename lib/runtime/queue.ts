/** One value's place in a queue. */
export interface Place<A> {
  readonly value: A
  before: Place<A> | undefined
  after: Place<A> | undefined
  /** False once it has left. */
  waits: boolean
}

/** A queue from which values may also leave before their turn. */
export interface Queue<A> {
  readonly push: (value: A) => Place<A>
  readonly shift: () => A | undefined
  /** Takes a value out of turn; false when it has left already. */
  readonly remove: (place: Place<A>) => boolean
  readonly size: () => number
  /** Takes out those that pass the test, oldest first. */
  readonly extract: (test: (value: A) => boolean) => ReadonlyArray<A>
}

/** An empty queue. Linked, so that what has left leaves nothing behind, however long the others wait. */
export const queue = <A>(): Queue<A> => {
  let first: Place<A> | undefined
  let last: Place<A> | undefined
  let size = 0

  const remove = (place: Place<A>): boolean => {
    if (!place.waits) return false
    const { before, after } = place
    if (before === undefined) first = after
    else before.after = after
    if (after === undefined) last = before
    else after.before = before
    place.before = undefined
    place.after = undefined
    place.waits = false
    size -= 1
    return true
  }
  return {
    push: (value) => {
      const place: Place<A> = { value, before: last, after: undefined, waits: true }
      if (last === undefined) first = place
      else last.after = place
      last = place
      size += 1
      return place
    },
    shift: () => {
      const place = first
      if (place === undefined) return undefined
      remove(place)
      return place.value
    },
    remove,
    size: () => size,
    extract: (test) => {
      const out: Array<A> = []
      for (let place = first; place !== undefined;) {
        const { after, value } = place
        if (test(value)) {
          remove(place)
          out.push(value)
        }
        place = after
      }
      return out
    },
  }
}

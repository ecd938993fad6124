/** A queue that takes from its head without moving the rest. */
export interface Queue<A> {
  readonly push: (value: A) => void
  readonly shift: () => A | undefined
  readonly size: () => number
  /** Takes out those that pass the test, oldest first. */
  readonly extract: (test: (value: A) => boolean) => ReadonlyArray<A>
}

/** An empty queue. The array is cut when half of it is spent, so that each value is moved at most once on average. */
export const queue = <A>(): Queue<A> => {
  let values: Array<A | undefined> = []
  let head = 0
  return {
    push: (value) => {
      values.push(value)
    },
    shift: () => {
      if (head === values.length) return undefined
      const value = values[head]
      values[head] = undefined
      head += 1
      if (head === values.length) {
        values = []
        head = 0
      } else if (head > 1024 && head * 2 > values.length) {
        values = values.slice(head)
        head = 0
      }
      return value
    },
    size: () => values.length - head,
    extract: (test) => {
      const rest = values.slice(head) as ReadonlyArray<A>
      values = rest.filter((value) => !test(value))
      head = 0
      return rest.filter(test)
    },
  }
}

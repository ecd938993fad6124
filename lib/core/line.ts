/** A waiting line: both ends, and leaving from the middle, at constant cost however long it is. */
export interface Line<A> {
  readonly size: () => number
  readonly first: () => A | undefined
  /** Joins at the end. The result leaves the line, wherever the value then stands; harmless once it has left. */
  readonly push: (value: A) => () => void
  /** Joins at the head. */
  readonly unshift: (value: A) => () => void
  /** Joins before the first, seen from the head, of which `before` is true; at the end where there is none. */
  readonly insert: (value: A, before: (standing: A) => boolean) => void
  readonly shift: () => A | undefined
  /** Takes out those that pass the test, from the head. */
  readonly extract: (test: (value: A) => boolean) => ReadonlyArray<A>
  /** Visits from the head until `visit` answers false. The value at hand may leave meanwhile. */
  readonly each: (visit: (value: A, leave: () => void) => boolean) => void
}

interface Cell<A> {
  /** `undefined` once it has left: whoever still knows the cell does not keep the value alive. */
  value: A | undefined
  before: Cell<A> | undefined
  after: Cell<A> | undefined
  standing: boolean
}

/** An empty line: a doubly linked list, since a Set used as a queue walks over the holes of what has left. */
export const line = <A>(): Line<A> => {
  let head: Cell<A> | undefined
  let tail: Cell<A> | undefined
  let size = 0
  const leave = (cell: Cell<A>) => () => {
    if (!cell.standing) return
    cell.standing = false
    cell.value = undefined
    size--
    if (cell.before === undefined) head = cell.after
    else cell.before.after = cell.after
    if (cell.after === undefined) tail = cell.before
    else cell.after.before = cell.before
  }
  const join = (value: A, after: Cell<A> | undefined): (() => void) => {
    const before = after === undefined ? tail : after.before
    const cell: Cell<A> = { value, before, after, standing: true }
    if (before === undefined) head = cell
    else before.after = cell
    if (after === undefined) tail = cell
    else after.before = cell
    size++
    return leave(cell)
  }
  const each = (visit: (value: A, leave: () => void) => boolean): void => {
    for (let cell = head; cell !== undefined;) {
      const next: Cell<A> | undefined = cell.after
      if (cell.standing && !visit(cell.value as A, leave(cell))) return
      cell = next
    }
  }
  return {
    size: () => size,
    first: () => head?.value,
    push: (value) => join(value, undefined),
    unshift: (value) => join(value, head),
    insert: (value, before) => {
      let after = head
      while (after !== undefined && !before(after.value as A)) after = after.after
      join(value, after)
    },
    shift: () => {
      const cell = head
      const value = cell?.value
      if (cell !== undefined) leave(cell)()
      return value
    },
    extract: (test) => {
      const out: Array<A> = []
      each((value, go) => {
        if (test(value)) {
          out.push(value)
          go()
        }
        return true
      })
      return out
    },
    each,
  }
}

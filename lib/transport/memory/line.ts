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
  /** Visits from the head until `visit` answers false. The value at hand may leave meanwhile. */
  readonly each: (visit: (value: A, leave: () => void) => boolean) => void
}

interface Cell<A> {
  readonly value: A
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
  return {
    size: () => size,
    first: () => head?.value,
    push: (value) => join(value, undefined),
    unshift: (value) => join(value, head),
    insert: (value, before) => {
      let after = head
      while (after !== undefined && !before(after.value)) after = after.after
      join(value, after)
    },
    shift: () => {
      const cell = head
      if (cell !== undefined) leave(cell)()
      return cell?.value
    },
    each: (visit) => {
      for (let cell = head; cell !== undefined;) {
        const next: Cell<A> | undefined = cell.after
        if (cell.standing && !visit(cell.value, leave(cell))) return
        cell = next
      }
    },
  }
}

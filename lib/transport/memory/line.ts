/** A waiting line: both ends, and leaving from the middle, at constant cost however long it is. */
export interface Line<A> {
  readonly size: () => number
  readonly first: () => A | undefined
  /** Joins at the end. The result leaves the line, wherever the value then stands; harmless once it has left. */
  readonly push: (value: A) => () => void
  /** Joins at the head. */
  readonly unshift: (value: A) => () => void
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
  return {
    size: () => size,
    first: () => head?.value,
    push: (value) => {
      const cell: Cell<A> = { value, before: tail, after: undefined, standing: true }
      if (tail === undefined) head = cell
      else tail.after = cell
      tail = cell
      size++
      return leave(cell)
    },
    unshift: (value) => {
      const cell: Cell<A> = { value, before: undefined, after: head, standing: true }
      if (head === undefined) tail = cell
      else head.before = cell
      head = cell
      size++
      return leave(cell)
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

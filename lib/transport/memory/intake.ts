import { line, type Line } from '../../core/line.js'

/** A bounded queue, as those see it who wait for a place in it. */
export interface Gate<Q> {
  readonly waiting: Line<Waiting<Q>>
  readonly hasRoom: () => boolean
}

/** A publisher that waits for a place in every queue its message goes to. */
export interface Waiting<Q> {
  readonly size: number
  readonly queues: Map<Q, () => void>
  readonly accept: (queues: ReadonlyArray<Q>, free: () => void) => void
  byteTurn: (() => void) | undefined
}

/** The door of a bus: first come first served for each queue, and a bound in bytes over all of them. */
export interface Intake<Q> {
  /**
   * Calls `accept` once there is room in all queues, possibly before it returns; `free` is to be called once for each
   * queue, when the message has left it. The result gives up waiting.
   */
  readonly offer: (size: number, queues: ReadonlyArray<Q>, accept: Waiting<Q>['accept']) => () => void
  /** Takes bytes without asking whether there is room; the result gives them back. */
  readonly charge: (size: number) => () => void
  readonly fits: (size: number) => boolean
  /** There may be room in the queue. */
  readonly roomIn: (queue: Q) => void
  /** Nobody listens on the queue any more: nobody waits for it any more either. */
  readonly shut: (queue: Q) => void
}

/** `maxBytes` bounds what was accepted and is not settled; a message alone may be larger. */
export const intake = <Q extends Gate<Q>>(maxBytes: number): Intake<Q> => {
  // Those at the head of all their queues that lack only bytes, so that a large message is not overtaken for ever.
  const byteLine = line<Waiting<Q>>()
  let used = 0
  const fits = (size: number): boolean => used === 0 || used + size <= maxBytes

  const leave = (waiting: Waiting<Q>): void => {
    waiting.queues.forEach((leaveQueue) => {
      leaveQueue()
    })
    waiting.byteTurn?.()
    waiting.byteTurn = undefined
  }
  const charge = (size: number, holders = 1): (() => void) => {
    let left = holders
    used += size
    return () => {
      if (--left !== 0) return
      used -= size
      settle([])
    }
  }
  const admitted = (waiting: Waiting<Q>): boolean => {
    const queues = [...waiting.queues.keys()]
    if (!queues.every((queue) => queue.waiting.first() === waiting && queue.hasRoom())) {
      waiting.byteTurn?.()
      waiting.byteTurn = undefined
      return false
    }
    const turn = byteLine.first()
    if (queues.length > 0 && (!fits(waiting.size) || (turn !== undefined && turn !== waiting))) {
      waiting.byteTurn ??= byteLine.push(waiting)
      return false
    }
    leave(waiting)
    waiting.accept(queues, queues.length === 0 ? () => undefined : charge(waiting.size, queues.length))
    return true
  }
  // A loop and not a recursion: one settlement may let thousands in.
  const settle = (queues: ReadonlyArray<Q>): void => {
    const look = new Set(queues)
    for (;;) {
      const [queue] = look
      const next = queue === undefined ? byteLine.first() : queue.waiting.first()
      const gates = next === undefined ? [] : [...next.queues.keys()]
      if (next !== undefined && admitted(next)) gates.forEach((gate) => look.add(gate))
      else if (queue !== undefined) look.delete(queue)
      else if (byteLine.first() === next) return
    }
  }
  return {
    offer: (size, queues, accept) => {
      const waiting: Waiting<Q> = { size, queues: new Map(), accept, byteTurn: undefined }
      for (const queue of queues) waiting.queues.set(queue, queue.waiting.push(waiting))
      admitted(waiting)
      return () => {
        leave(waiting)
        settle(queues)
      }
    },
    charge: (size) => charge(size),
    fits,
    roomIn: (queue) => {
      if (queue.waiting.size() > 0) settle([queue])
    },
    shut: (queue) => {
      const left: Array<Waiting<Q>> = []
      queue.waiting.each((waiting, leaveQueue) => {
        leaveQueue()
        waiting.queues.delete(queue)
        left.push(waiting)
        return true
      })
      for (const waiting of left) {
        const [other] = waiting.queues.keys()
        if (other === undefined) admitted(waiting)
        else settle([other])
      }
    },
  }
}

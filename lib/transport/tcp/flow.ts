/** Whether a peer takes what is written to it, however slowly. */
import type { Wire } from './writer.js'

export interface Flow {
  /** Something begins to wait. */
  readonly began: () => void
  /** Looks at the wire; called every tick. */
  readonly look: (now: number) => void
  /** When the peer was last seen to take something. */
  readonly moved: () => number
  /** For how long something has been waiting of which the peer takes nothing, as of the last look. */
  readonly stalled: (now: number) => number
}

/**
 * Compares what waits from one look to the next. A growing backlog says nothing about the peer, and a write of many
 * mebibytes is over only when its last byte is taken: hence `queued` too.
 */
export const flow = (wire: Wire, time: () => number): Flow => {
  let left = 0
  let queued = 0
  let moved = time()
  let empty = moved
  return {
    began: () => {
      empty = time()
    },
    look: (now) => {
      const before = left
      const queuedBefore = queued
      left = wire.writableLength()
      queued = wire.queued()
      if (left < before || queued !== queuedBefore) moved = now
      if (left === 0) empty = now
    },
    moved: () => moved,
    stalled: (now) => (left === 0 ? 0 : now - Math.max(moved, empty)),
  }
}

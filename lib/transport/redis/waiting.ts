/** Entries between being read and being given to their endpoints. Each endpoint has a line of its own: none waits for another. */
import { line, type Line } from '../../core/line.js'
import type { Record } from './record.js'
import type { Target } from './shared.js'

/** Entries of a pattern that wait for one endpoint while another goes on; beyond them nothing more is read. */
const mostWaiting = 1_000
/** The same in bytes of their bodies. */
const mostWaitingBytes = 67_108_864
/** Held at least, however few are handled at once: with two at a time each read brings one event, which fast handlers feel. */
const leastHeld = 8
/** The runtime asks for so much more than `concurrency` where the payload tells the key. */
const byPayload = 1_000

export interface Waiting {
  /** How many more entries may be read. */
  readonly places: () => number
  readonly join: (record: Record) => void
  /** Gives whatever there is room for. */
  readonly pump: () => void
  /** Takes out everything, with the endpoints that it waits for. */
  readonly drain: () => ReadonlyArray<readonly [Record, Target]>
}

export const waiting = (targets: ReadonlyArray<Target>, give: (record: Record, target: Target) => void): Waiting => {
  const lines = new Map<Target, Line<Record>>(targets.map((target) => [target, line<Record>()]))
  let bytes = 0
  let keyed = false

  // n.b. what is held here is kept from other replicas: more than a little is worth it only for what waits behind keys
  const most = ({ subscription: { concurrency, window } }: Target): number =>
    keyed || window >= concurrency + byPayload
      ? window
      : Math.min(window, Math.max(leastHeld, Math.ceil(concurrency * 1.25)))
  const room = (target: Target): number => most(target) - target.outstanding - (lines.get(target)?.size() ?? 0)

  const next = (target: Target, waits: Line<Record>): Record | undefined => {
    const record = target.outstanding < most(target) ? waits.shift() : undefined
    if (record === undefined) return undefined
    bytes -= record.entry.body.length
    target.outstanding += 1
    return record
  }

  let pumping = false
  return {
    places: () => {
      if (bytes > mostWaitingBytes) return 0
      const rooms = targets.map(room)
      return Math.min(Math.max(...rooms), Math.min(...rooms) + mostWaiting)
    },
    join: (record) => {
      keyed ||= record.message.described.key !== undefined
      for (const target of record.targets) {
        lines.get(target)?.push(record)
        bytes += record.entry.body.length
      }
    },
    // n.b. not re-entrant: a delivery may be settled before it is given
    pump: () => {
      if (pumping) return
      pumping = true
      for (let gave = true; gave;) {
        gave = false
        for (const [target, waits] of lines)
          for (let record = next(target, waits); record !== undefined; record = next(target, waits)) {
            gave = true
            give(record, target)
          }
      }
      pumping = false
    },
    drain: () => {
      bytes = 0
      return [...lines].flatMap(([target, waits]) =>
        waits.extract(() => true).map((record): readonly [Record, Target] => [record, target]),
      )
    },
  }
}

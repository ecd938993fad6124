/** What a service is done with, told to the broker: soon, and one request at a time. */
import { reasonOf } from '../broker/failing.js'
import type { Environment } from '../transport.js'
import { typeOf } from './failures.js'
import type { Window } from './window.js'

/** Partitions by topic, each with the offset to begin from the next time. */
export interface Offsets {
  readonly topics: Array<{ topic: string; partitions: Array<{ partition: number; offset: string }> }>
}

export type Commit = (offsets: Offsets) => Promise<unknown>

export interface Commits {
  /** Something is done. */
  readonly soon: () => void
  /** Commits what is done; never rejects. */
  readonly flush: () => Promise<void>
  /** How to commit, from now on. */
  readonly by: (commit: Commit) => void
  /** While a member joins again, what it had may be another member's. */
  readonly hold: (held: boolean) => void
  readonly close: () => void
}

/** At the latest after so many milliseconds, or so many records. */
const latestMs = 500
const mostRecords = 500

// A member that has to join again finds out by itself.
const rejoining: ReadonlySet<unknown> = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
])

const offsetsOf = (all: ReadonlyArray<{ readonly window: Window; readonly offset: number }>): Offsets => ({
  topics: [...new Set(all.map(({ window }) => window.topic))].map((topic) => ({
    topic,
    partitions: all
      .filter(({ window }) => window.topic === topic)
      .map(({ window, offset }) => ({ partition: window.partition, offset: String(offset) })),
  })),
})

export const commits = (name: string, { clock, log }: Environment, windows: () => Iterable<Window>): Commits => {
  let to: Commit | undefined
  let count = 0
  let held = false
  let failed = false
  let underWay: Promise<void> | undefined
  let due: (() => void) | undefined

  const commit = async (): Promise<void> => {
    const all = [...windows()].flatMap((window) =>
      window.done === window.committed ? [] : [{ window, offset: window.done }],
    )
    count = 0
    if (all.length === 0 || to === undefined) return
    try {
      await to(offsetsOf(all))
      for (const { window, offset } of all) window.committed = offset
      failed = false
    } catch (cause) {
      if (!failed && !rejoining.has(typeOf(cause))) log(`${name}: cannot commit, trying again: ${reasonOf(cause)}`)
      failed = true
      soon()
    }
  }
  const flush = (): Promise<void> => {
    due?.()
    due = undefined
    const own = (underWay ?? Promise.resolve()).then(commit).finally(() => {
      if (underWay === own) underWay = undefined
    })
    underWay = own
    return own
  }
  const soon = (): void => {
    count += 1
    if (held) return
    if (count >= mostRecords && underWay === undefined) void flush()
    else
      due ??= clock.after(
        latestMs,
        () => {
          due = undefined
          if (!held) void flush()
        },
        true,
      )
  }
  return {
    soon,
    flush,
    by: (next) => {
      to = next
    },
    hold: (now) => {
      held = now
    },
    close: () => {
      held = true
      due?.()
      due = undefined
    },
  }
}

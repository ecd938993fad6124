/** Calls, and whether each has ended by its deadline. */
import type { Task } from 'fp-ts/lib/Task.js'

export interface Calls {
  /** Runs a call that has `timeoutMs`, and notes whether it has ended by then. */
  readonly call: <A>(timeoutMs: number, call: Task<A>) => Promise<A>
  /** The calls that were made, and those of them that ended late or have not ended though their time is over. */
  readonly calls: () => { readonly made: number; readonly unsettled: number }
  /** The tags of errors, and how often each came. */
  readonly errors: ReadonlyMap<string, number>
  readonly failed: (tag: string) => void
}

/** A call that ends so long after its deadline has not kept it: what a busy machine may add, in milliseconds. */
const allowance = 5_000

/** None yet. What it keeps does not grow with the calls that have ended. */
export const noCalls = (now: () => number = () => performance.now()): Calls => {
  const open = new Set<number>()
  const errors = new Map<string, number>()
  let made = 0
  let late = 0
  return {
    errors,
    failed: (tag) => void errors.set(tag, (errors.get(tag) ?? 0) + 1),
    call: async (timeoutMs, call) => {
      // n.b. two calls may have the same end: the number of the call makes them differ
      made += 1
      const end = now() + timeoutMs + allowance + made * 1e-6
      open.add(end)
      const result = await call()
      open.delete(end)
      if (now() > end) late += 1
      return result
    },
    calls: () => ({ made, unsettled: late + [...open].filter((end) => now() > end).length }),
  }
}

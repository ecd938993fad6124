/** The one judgement for all cases: nothing confirmed is lost, and every call settles by its deadline. */
import { duplicates, lost, unheardOf } from '../../lib/testing/conformance/history.js'
import type { Page } from './page.js'

/** What a history comes to. */
export interface Verdict {
  readonly emitted: number
  /** Accepted by the broker. */
  readonly confirmed: number
  /** Messages that were handled, each counted once. */
  readonly handled: number
  /** Messages that were set aside as dead letters, each counted once. */
  readonly buried: number
  /** Handled again: every time beyond the first. */
  readonly duplicates: number
  /** Confirmed, and neither handled nor set aside. */
  readonly lost: number
  /** Handled, though nobody had emitted it. */
  readonly unheardOf: number
  readonly calls: number
  /** Calls that did not end by their deadline. */
  readonly unsettledCalls: number
}

/** What a history comes to. */
export const verdict = (page: Page): Verdict => {
  const different = (what: 'handled' | 'buried'): number =>
    new Set(page.entries.filter((one) => one.what === what).map(({ id }) => id)).size
  const { made, unsettled } = page.calls()
  return {
    emitted: page.count('emitted'),
    confirmed: page.count('confirmed'),
    handled: different('handled'),
    buried: different('buried'),
    duplicates: duplicates(page).length,
    lost: lost(page).length,
    unheardOf: unheardOf(page).length,
    calls: made,
    unsettledCalls: unsettled,
  }
}

/** What every history has to come to: nothing is lost, nothing invented, and every call has settled. */
export const sound = { lost: 0, unheardOf: 0, unsettledCalls: 0 } as const

/** What each rule of the hot path bought, of bench/rules.json: measured by hand, with and without it. */
import { ratio, table } from './figures.js'

export interface Rule {
  readonly rule: string
  readonly load: string
  /** Requests per second with it to those without. */
  readonly ratio: number
  readonly note: string
}

export const ruleTable = (rules: ReadonlyArray<Rule>): string =>
  rules.length === 0
    ? 'Not recorded yet.'
    : table(
        ['', 'load', 'requests/s with it : without', ''],
        rules.map((one) => [one.rule, one.load, ratio(one.ratio), one.note]),
      )

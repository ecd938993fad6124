/** What each rule of the hot path buys: taskwire against taskwire without it. */
import type { Environment } from '../shared/report.js'
import type { Spread } from '../shared/summary.js'
import { aligned, range } from '../shared/table.js'

export interface RuleRow {
  readonly rule: string
  /** What was done in its place. */
  readonly instead: string
  readonly inFlight: number
  /** Requests per second with the rule to those without: above 1 it helps. */
  readonly rate: Spread
  /** CPU time per request without the rule to that with it: above 1 it helps. */
  readonly cpu: Spread
}

export interface RulesReport extends Environment {
  readonly rows: ReadonlyArray<RuleRow>
}

export const ruleTable = ({ rows }: RulesReport): string =>
  aligned([
    ['rule', 'in flight', 'req/s with : without', 'CPU without : with'],
    ...rows.map(({ rule, inFlight, rate, cpu }) => [rule, String(inFlight), range(rate), range(cpu)]),
  ])

/** What each rule of the hot path buys: one row a rule, its two loads side by side. */
import type { RulesReport } from '../rules/report.js'
import { ratios, table } from './figures.js'

/** In flight, where CPU is shown. */
const CPU_AT = 64

export const ruleTables = ({ rows }: RulesReport): string => {
  const loads = [...new Set(rows.map(({ inFlight }) => inFlight))]
  const rules = [...new Set(rows.map(({ rule }) => rule))]
  const of = (rule: string, load: number) => rows.find((row) => row.rule === rule && row.inFlight === load)
  return table(
    ['', 'instead of', ...loads.map((load) => `requests/s, ${load} in flight`), `CPU, ${CPU_AT}`],
    rules.map((rule) => [
      ...[rule, rows.find((row) => row.rule === rule)?.instead ?? ''],
      ...loads.map((load) => ratios(of(rule, load)?.rate)),
      ratios(of(rule, CPU_AT)?.cpu),
    ]),
  )
}

/** What was aimed at, the least that had to be, and what was measured. */
import type { Results } from '../results.js'
import { kilobytes, ratio, ratios, table } from './figures.js'
import { HEADLINE, rowOf } from './tcp.js'
import type { Spread } from '../shared/summary.js'

export interface Goal {
  readonly what: string
  readonly goal: number
  /** Beyond it something is broken; where none was set, the goal alone counts. */
  readonly bound?: number
  readonly better: 'more' | 'less'
  readonly write: (value: number) => string
  /** The figure that is judged, and how it is shown; nothing where it was not measured. */
  readonly measured: (results: Results) => { readonly value: number; readonly text: string } | undefined
}

const share = (value: number): string => `${(value * 100).toFixed(0)} %`

const spread = (value: Spread | undefined, write = ratios) =>
  value === undefined ? undefined : { value: value.median, text: write(value) }

const taskwire = ({ tcp }: Results, load: string) => rowOf(tcp?.report.rows ?? [], load, 'taskwire')

const rates = [
  ['1 in flight', 1.4, 1.15],
  [HEADLINE, 5, 3],
  ['512 in flight', 6, 3.5],
] as const

const tails = [
  ['1 in flight', 0.6],
  [HEADLINE, 0.3],
  ['512 in flight', 0.25],
] as const

const codecs = ({ codecs: part }: Results, kind: string) => {
  const rows = (part?.report.rows ?? []).filter(
    (row) => row.kind === kind && row.operation === 'decode' && row.contender.startsWith('taskwire (generated'),
  )
  if (rows.length === 0) return undefined
  return {
    value: Math.min(...rows.map((row) => row.againstIoTs.median)),
    text: rows.map((row) => `${row.payload} ${ratio(row.againstIoTs.median)}`).join(', '),
  }
}

const validation = ({ profile }: Results) => {
  const against = rowOf(profile?.report.rows ?? [], HEADLINE, 'taskwire')?.rateAgainst['taskwire unchecked']
  if (against === undefined) return undefined
  const value = { median: 1 - against.median, min: 1 - against.max, max: 1 - against.min }
  return { value: value.median, text: `${share(value.median)} (${share(value.min)}–${share(value.max)})` }
}

const held = ({ profile }: Results) => {
  const weight = profile?.report.inFlight.find(({ name }) => name === 'taskwire')?.both
  return spread(weight, () => kilobytes(weight?.median ?? NaN))
}

export const goals: ReadonlyArray<Goal> = [
  ...rates.map(([load, goal, bound]): Goal => ({
    ...{ what: `requests/s : NestJS, ${load}`, goal, bound, better: 'more', write: ratio },
    measured: (results) => spread(taskwire(results, load)?.rateAgainst['nestjs']),
  })),
  {
    ...{ what: `requests/s : by hand, ${HEADLINE}`, goal: 0.85, bound: 0.65, better: 'more', write: ratio },
    measured: (results) => spread(taskwire(results, HEADLINE)?.rateAgainst['raw']),
  },
  {
    ...{ what: `CPU per request : NestJS, ${HEADLINE}`, goal: 0.22, bound: 0.35, better: 'less', write: ratio },
    measured: (results) => spread(taskwire(results, HEADLINE)?.cpuAgainstNest),
  },
  ...tails.map(([load, goal]): Goal => ({
    ...{ what: `p99 : NestJS, ${load}`, goal, better: 'less', write: ratio },
    measured: (results) => spread(taskwire(results, load)?.p99AgainstNest),
  })),
  {
    ...{ what: 'decoding : io-ts, `t.type`', goal: 15, bound: 6, better: 'more', write: ratio },
    measured: (results) => codecs(results, 'type'),
  },
  {
    ...{ what: 'decoding : io-ts, `t.exact`', goal: 12, bound: 6, better: 'more', write: ratio },
    measured: (results) => codecs(results, 'exact'),
  },
  {
    ...{ what: `requests/s lost to validation, ${HEADLINE}`, goal: 0.08, bound: 0.15, better: 'less', write: share },
    measured: validation,
  },
  {
    ...{ what: 'heap of a request in flight, both sides', goal: 1_536, bound: 3_072, better: 'less', write: kilobytes },
    measured: held,
  },
]

export const verdict = ({ goal, bound, better }: Pick<Goal, 'goal' | 'bound' | 'better'>, value: number): string => {
  const reached = (of: number): boolean => (better === 'more' ? value >= of : value <= of)
  return reached(goal) ? 'reached' : bound !== undefined && reached(bound) ? 'within the bound' : '**missed**'
}

export const goalTable = (results: Results): string =>
  table(
    ['', 'goal', 'bound', 'measured', ''],
    goals.map((goal) => {
      const found = goal.measured(results)
      return [
        ...[goal.what, goal.write(goal.goal), goal.bound === undefined ? '' : goal.write(goal.bound)],
        ...(found === undefined ? ['not measured', ''] : [found.text, verdict(goal, found.value)]),
      ]
    }),
  )

/** What the curves came to. */
import type { Environment } from '../shared/report.js'
import type { Row } from '../shared/summary.js'
import { aligned, micros, range, rounded } from '../shared/table.js'
import type { Curve, CurveName } from './curves.js'

export interface MeasuredCurve {
  readonly name: CurveName
  readonly title: string
  readonly unit: string
  readonly points: ReadonlyArray<{ readonly x: number; readonly rows: ReadonlyArray<Row> }>
}

export interface CurvesReport extends Environment {
  readonly settings: { readonly rounds: number; readonly cellMs: number }
  readonly curves: ReadonlyArray<MeasuredCurve>
}

/** The name of a point among all loads. */
export const loadOf = ({ name }: Pick<Curve, 'name'>, x: number): string => `${name} ${x}`

export const curveTable = ({ title, points }: MeasuredCurve): string =>
  `\n${title}\n${aligned([
    ['', 'contender', 'req/s', 'p50', 'p99', 'CPU/req', 'req/s : nestjs', 'CPU : nestjs'],
    ...points.flatMap(({ x, rows }) =>
      rows.map((row) => [
        ...[rounded(x), row.name, rounded(row.rate.median), micros(row.p50Us), micros(row.p99Us)],
        ...[`${row.cpuUs.toFixed(1)} us`, range(row.rateAgainst['nestjs']), range(row.cpuAgainstNest)],
      ]),
    ),
  ])}`

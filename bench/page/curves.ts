/** How it goes on as work grows. */
import type { MeasuredCurve } from '../curves/report.js'
import { lines, type Series } from '../plot/lines.js'
import type { Reports } from '../results.js'
import type { Row, Spread } from '../shared/summary.js'
import { count, image, labelOf, micros, ratios, table } from './figures.js'

const seriesOf = ({ points }: MeasuredCurve, y: (row: Row) => Spread): ReadonlyArray<Series> =>
  (points[0]?.rows ?? []).map(({ name }) => ({
    name,
    label: labelOf(name),
    points: points.flatMap(({ x, rows }) =>
      rows.filter((row) => row.name === name && !Number.isNaN(row.rate.median)).map((row) => ({ x, y: y(row) })),
    ),
  }))

const alone = (median: number): Spread => ({ median, min: median, max: median })

/** The file of a curve. */
export const curveFile = ({ name }: MeasuredCurve): string => `curve-${name.toLowerCase()}`

export const curvePlot = (curve: MeasuredCurve): string =>
  lines({
    title: `As the ${curve.title} grow${curve.name === 'payload' ? 's' : ''}`,
    axis: curve.unit,
    panels: [
      { title: 'requests/s', series: seriesOf(curve, (row) => row.rate) },
      { title: 'CPU of both sides per request, µs', series: seriesOf(curve, (row) => alone(row.cpuUs)) },
      { title: '99th percentile of latency, µs', series: seriesOf(curve, (row) => alone(row.p99Us)) },
    ],
  })

const section = (curve: MeasuredCurve): string =>
  [
    `### ${curve.title[0]?.toUpperCase()}${curve.title.slice(1)}`,
    '',
    image(curveFile(curve), `Requests per second, CPU per request and latency over ${curve.title}`),
    '',
    table(
      [curve.unit, '', 'requests/s', 'p50', 'p99', 'CPU/request', 'requests/s : NestJS', 'CPU : NestJS'],
      curve.points.flatMap(({ x, rows }) =>
        rows.map((row) => [
          ...[count(x), labelOf(row.name), count(row.rate.median), micros(row.p50Us), micros(row.p99Us)],
          ...[micros(row.cpuUs), ratios(row.rateAgainst['nestjs']), ratios(row.cpuAgainstNest)],
        ]),
      ),
    ),
  ].join('\n')

export const curveSections = ({ curves }: Reports['curves']): string => curves.map(section).join('\n\n')

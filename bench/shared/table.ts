/** The printed tables, one per load. */
import type { Row, Spread } from './summary.js'

export const rounded = (value: number): string => Math.round(value).toLocaleString('en-US')
export const micros = (value: number): string =>
  value < 1000 ? `${value.toFixed(0)} us` : `${(value / 1000).toFixed(2)} ms`
const ratio = (value: number): string => value.toFixed(2)
export const range = (value: Spread | undefined): string =>
  value === undefined ? '-' : `${ratio(value.median)} (${ratio(value.min)}-${ratio(value.max)})`

type Column = readonly [title: string, cell: (row: Row) => string]

/** `unit` is what is counted: `req` or `event`. Percentiles are of requests. */
const columnsOf = (rows: ReadonlyArray<Row>, unit: string): ReadonlyArray<Column> => {
  const peers = [...new Set(rows.map((row) => row.name))].filter((name) => name !== 'taskwire')
  const first = peers.filter((name) => name === 'nestjs')
  const own = rows.some((row) => !Number.isNaN(row.brokerUs))
  const timed = rows.some((row) => !Number.isNaN(row.p50Us))
  const latency = (column: Column): ReadonlyArray<Column> => (timed ? [column] : [])
  return [
    ['contender', (row) => row.name],
    [`${unit}/s`, (row) => rounded(row.rate.median)],
    ...latency(['p50', (row) => micros(row.p50Us)]),
    ...latency(['p99', (row) => micros(row.p99Us)]),
    [`CPU/${unit}`, (row) => `${row.cpuUs.toFixed(1)} us`],
    ...(own ? [['of broker', (row) => `${row.brokerUs.toFixed(1)} us`] satisfies Column] : []),
    ...[...new Set([...first, ...peers])].map((peer): Column => [
      `${unit}/s : ${peer}`,
      (row) => range(row.rateAgainst[peer]),
    ]),
    ...first.flatMap(() => latency(['p99 : nestjs', (row) => range(row.p99AgainstNest)])),
    ...first.map((): Column => ['CPU : nestjs', (row) => range(row.cpuAgainstNest)]),
  ]
}

/** Columns side by side, the first to the left and the others to the right. */
export const aligned = (lines: ReadonlyArray<ReadonlyArray<string>>): string => {
  const width = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) => line.map((text, c) => (c === 0 ? text.padEnd(width[c]!) : text.padStart(width[c]!))).join('  '))
    .join('\n')
}

const table = (rows: ReadonlyArray<Row>, unit: string): string => {
  const columns = columnsOf(rows, unit)
  return aligned([columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => cell(row)))])
}

/** Loads whose name holds `events` are counted in events. */
export const tables = (rows: ReadonlyArray<Row>): string =>
  [...new Set(rows.map((row) => row.load))]
    .map((load) => {
      const unit = load.includes('events') ? 'event' : 'req'
      return `\n${load}\n${table(
        rows.filter((row) => row.load === load),
        unit,
      )}`
    })
    .join('\n')

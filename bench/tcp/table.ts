/** The printed tables, one per number of requests in flight. */
import type { Row, Spread } from './summary.js'

const count = (value: number): string => Math.round(value).toLocaleString('en-US')
const micros = (value: number): string => (value < 1000 ? `${value.toFixed(0)} us` : `${(value / 1000).toFixed(2)} ms`)
const ratio = (value: number): string => value.toFixed(2)
const range = (value: Spread | undefined): string =>
  value === undefined ? '-' : `${ratio(value.median)} (${ratio(value.min)}-${ratio(value.max)})`

const columns: ReadonlyArray<readonly [title: string, cell: (row: Row) => string]> = [
  ['contender', (row) => row.name],
  ['req/s', (row) => count(row.rate.median)],
  ['p50', (row) => micros(row.p50Us)],
  ['p99', (row) => micros(row.p99Us)],
  ['CPU/req', (row) => `${row.cpuUs.toFixed(1)} us`],
  ['req/s : nestjs', (row) => range(row.rateAgainst.nestjs)],
  ['req/s : raw', (row) => range(row.rateAgainst.raw)],
  ['req/s : raw + io-ts', (row) => range(row.rateAgainst['raw + io-ts'])],
  ['p99 : nestjs', (row) => range(row.p99AgainstNest)],
  ['CPU : nestjs', (row) => range(row.cpuAgainstNest)],
]

const table = (rows: ReadonlyArray<Row>): string => {
  const lines = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => cell(row)))]
  const width = columns.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) => line.map((text, c) => (c === 0 ? text.padEnd(width[c]!) : text.padStart(width[c]!))).join('  '))
    .join('\n')
}

export const tables = (rows: ReadonlyArray<Row>): string =>
  [...new Set(rows.map((row) => row.inFlight))]
    .map((level) => `\n${level} in flight\n${table(rows.filter((row) => row.inFlight === level))}`)
    .join('\n')

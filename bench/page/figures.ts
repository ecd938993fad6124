/** How the page writes figures, contenders and tables. */
import type { Spread } from '../shared/summary.js'

const labels: Readonly<Record<string, string>> = {
  nestjs: 'NestJS',
  'nestjs + ack': 'NestJS + ack',
  moleculer: 'Moleculer',
  grpc: 'gRPC',
  raw: 'by hand',
  'raw + io-ts': 'by hand + io-ts',
  'taskwire unchecked': 'taskwire, nothing validated',
}
export const labelOf = (name: string): string => labels[name] ?? name

/** Nothing where nothing was measured; so do the others. */
export const count = (value: number): string => (Number.isNaN(value) ? '' : Math.round(value).toLocaleString('en-US'))

/** Three digits that matter. */
export const ratio = (value: number): string =>
  value >= 100 ? count(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2)

const both = (value: Spread | null | undefined, write: (value: number) => string): string =>
  value === null || value === undefined || Number.isNaN(value.median)
    ? ''
    : `${write(value.median)} (${write(value.min)}–${write(value.max)})`

export const ratios = (value: Spread | null | undefined): string => both(value, ratio)
export const counts = (value: Spread | null | undefined): string => both(value, count)

export const micros = (value: number): string =>
  Number.isNaN(value)
    ? ''
    : value < 1_000
      ? `${value < 10 ? value.toFixed(1) : count(value)} µs`
      : `${ratio(value / 1_000)} ms`

export const kilobytes = (value: number): string => `${ratio(value / 1_024)} KB`

/** The first column to the left, figures to the right. */
export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map((_, at) => (at === 0 ? '---' : '--:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

export const image = (name: string, alternative: string): string => `![${alternative}](performance/${name}.svg)`

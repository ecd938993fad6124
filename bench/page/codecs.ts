/** How long codecs take. */
import { bars, type BarPanel } from '../plot/bars.js'
import type { CodecRow, Reports } from '../results.js'
import { count, image, ratio, ratios, table } from './figures.js'

type Codecs = Reports['codecs']

const titleOf = ({ payload, kind, operation }: CodecRow): string => `${payload}, \`${kind}\`: ${operation}`
const titles = (rows: ReadonlyArray<CodecRow>): ReadonlyArray<string> => [...new Set(rows.map(titleOf))]

const nanos = (value: number): string => `${value < 100 ? ratio(value) : count(value)} ns`

/** Two are no codecs of their own: what they are compared with, and what a payload costs before it comes to a codec. */
const compared = (row: CodecRow): boolean => row.operation === 'decode' && row.contender !== 'JSON.parse'

export const codecsPlot = ({ rows }: Codecs): string => {
  const decoding = rows.filter(compared)
  return bars({
    title: 'Decoding a valid value',
    axis: 'times as fast as io-ts; bars are medians, lines go from the lowest to the highest round',
    columns: 2,
    panels: titles(decoding).map((title): BarPanel => ({
      title: title.replaceAll('`', '').replace(': decode', ''),
      bars: decoding
        .filter((row) => titleOf(row) === title)
        .map((row) => ({
          name: row.contender.startsWith('taskwire') ? 'taskwire' : row.contender === 'io-ts' ? 'raw' : 'other',
          label: row.contender.replace('taskwire (', '').replace(')', ''),
          value: row.againstIoTs,
          note: `${ratio(row.againstIoTs.median)} (${nanos(row.ns.median)})`,
        })),
    })),
  })
}

export const codecTables = ({ rows }: Codecs): string =>
  [
    image('codecs', 'How many times as fast as io-ts values are decoded'),
    ...titles(rows).map((title) =>
      table(
        [title, 'time', 'times as fast as io-ts', 'as ajv'],
        rows
          .filter((row) => titleOf(row) === title)
          .map((row) => [row.contender, nanos(row.ns.median), ratios(row.againstIoTs), ratios(row.againstAjv)]),
      ),
    ),
  ].join('\n\n')

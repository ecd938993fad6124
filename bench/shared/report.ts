/** The report of one comparison: as text, or as it is for `--json`. */
import type { Noise } from './machine.js'
import type { Measured, Row } from './summary.js'
import { tables } from './table.js'

/** What a figure depends on. */
export interface Environment {
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  readonly noise: Noise
  readonly settings: { readonly rounds: number; readonly cellMs: number }
}

export interface Report extends Environment {
  readonly settings: { readonly rounds: number; readonly cellMs: number; readonly levels: ReadonlyArray<string> }
  readonly rows: ReadonlyArray<Row>
  readonly measured: ReadonlyArray<Measured>
}

export const environmentText = ({ machine, versions, settings, noise }: Environment): string =>
  [
    machine,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `other programs kept ${noise.otherCores.toFixed(2)} cores busy; load average ${noise.loadAverage.map((load) => load.toFixed(1)).join(' -> ')}`,
    `medians of ${settings.rounds} rounds of ${settings.cellMs} ms; ratios are medians of per-round pairs (min-max)`,
  ].join('\n')

export const text = (report: Omit<Report, 'measured'>): string =>
  [environmentText(report), tables(report.rows)].join('\n')

/** Progress and notes go to stderr, so that stdout holds the report alone. */
export const log = (line: string): void => void process.stderr.write(`${line}\n`)

/** A list in a flag, of which each has to be one of `known`. */
export const listed = (list: string, known: ReadonlyArray<string>): ReadonlyArray<string> => {
  const wanted = list.split(',')
  const unknown = wanted.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`no '${unknown}'; there are ${known.join(', ')}`)
  return wanted
}

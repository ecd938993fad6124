/** The report of one comparison: as text, or as it is for `--json`. */
import type { Noise } from './machine.js'
import type { Measured, Row } from './summary.js'
import { tables } from './table.js'

export interface Report {
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  readonly settings: { readonly rounds: number; readonly cellMs: number; readonly levels: ReadonlyArray<string> }
  readonly noise: Noise
  readonly rows: ReadonlyArray<Row>
  readonly measured: ReadonlyArray<Measured>
}

export const text = ({ machine, versions, settings, noise, rows }: Report): string =>
  [
    machine,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `other programs kept ${noise.otherCores.toFixed(2)} cores busy; load average ${noise.loadAverage.map((load) => load.toFixed(1)).join(' -> ')}`,
    `medians of ${settings.rounds} rounds of ${settings.cellMs} ms; ratios are medians of per-round pairs (min-max)`,
    tables(rows),
  ].join('\n')

/** Progress and notes go to stderr, so that stdout holds the report alone. */
export const log = (line: string): void => void process.stderr.write(`${line}\n`)

/** A list in a flag, of which each has to be one of `known`. */
export const listed = (list: string, known: ReadonlyArray<string>): ReadonlyArray<string> => {
  const wanted = list.split(',')
  const unknown = wanted.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`no '${unknown}'; there are ${known.join(', ')}`)
  return wanted
}

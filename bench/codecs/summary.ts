/** From samples to the figures that are printed. */
import type { Noise } from '../shared/machine.js'
import { spread, type Spread } from '../shared/summary.js'
import type { Sample } from './cell.js'
import type { Operation } from './contenders.js'
import type { Kind } from './shape.js'

export interface Row {
  readonly payload: string
  readonly kind: Kind
  readonly operation: Operation
  readonly contender: string
  readonly ns: Spread
  /** Above 1 is faster. */
  readonly againstIoTs: Spread
  /** `null`: ajv does not do it. */
  readonly againstAjv: Spread | null
}

export interface Report {
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  readonly settings: { readonly rounds: number; readonly cellMs: number }
  readonly noise: Noise
  readonly rows: ReadonlyArray<Row>
}

interface Cell {
  readonly payload: string
  readonly kind: Kind
  readonly samples: ReadonlyArray<Sample>
}

export const summarise = (cells: ReadonlyArray<Cell>): ReadonlyArray<Row> =>
  cells.flatMap(({ payload, kind, samples }) => {
    const of = (name: string, operation: Operation): ReadonlyArray<number> =>
      samples
        .filter((one) => one.name === name && one.operation === operation)
        .toSorted((a, b) => a.round - b.round)
        .map(({ ns }) => ns)
    const rows = samples.filter(({ round }) => round === 0)
    return rows.map(({ name, operation }): Row => {
      const own = of(name, operation)
      const against = (other: string): Spread | null => {
        const theirs = of(other, operation)
        return theirs.length === 0 ? null : spread(own.map((ns, round) => theirs[round]! / ns))
      }
      return {
        payload,
        kind,
        operation,
        contender: name,
        ns: spread(own),
        againstIoTs: against('io-ts')!,
        againstAjv: against('ajv'),
      }
    })
  })

const figure = (value: number): string => (value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US'))
const range = (of: Spread | null): string =>
  of === null ? '-' : `${of.median.toFixed(2)} (${of.min.toFixed(2)}-${of.max.toFixed(2)})`

const table = (rows: ReadonlyArray<Row>): string => {
  const lines = [
    ['contender', 'ns', 'min-max', ': io-ts', ': ajv'],
    ...rows.map(({ contender, ns, againstIoTs, againstAjv }) => [
      contender,
      figure(ns.median),
      `${figure(ns.min)}-${figure(ns.max)}`,
      range(againstIoTs),
      range(againstAjv),
    ]),
  ]
  const width = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines
    .map((line) => line.map((cell, c) => (c === 0 ? cell.padEnd(width[c]!) : cell.padStart(width[c]!))).join('  '))
    .join('\n')
}

const title = ({ payload, kind, operation }: Row): string => `${payload}, ${kind}: ${operation}`

export const text = ({ machine, versions, settings, noise, rows }: Report): string =>
  [
    machine,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `other programs kept ${noise.otherCores.toFixed(2)} cores busy; load average ${noise.loadAverage.map((load) => load.toFixed(1)).join(' -> ')}`,
    `medians of ${settings.rounds} rounds of ${settings.cellMs} ms; ratios are medians of per-round pairs (min-max), above 1 is faster`,
    ...[...new Set(rows.map(title))].map((of) => `\n${of}\n${table(rows.filter((row) => title(row) === of))}`),
  ].join('\n')

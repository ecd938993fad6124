/** From rounds of cells to the figures that are printed: medians, and ratios of contenders measured in the same round. */
import type { Cell } from './pair.js'

export interface Measured {
  readonly round: number
  /** What it was under, as in the heading of its table. */
  readonly load: string
  readonly name: string
  readonly cell: Cell
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface Row {
  readonly load: string
  readonly name: string
  readonly rate: Spread
  readonly p50Us: number
  readonly p99Us: number
  readonly cpuUs: number
  readonly clientUs: number
  readonly serverUs: number
  readonly brokerUs: number
  /** Requests or events per second against each other contender: above 1 is faster. */
  readonly rateAgainst: Readonly<Record<string, Spread | undefined>>
  /** 99th percentile and CPU per request against NestJS: below 1 is better. */
  readonly p99AgainstNest: Spread | undefined
  readonly cpuAgainstNest: Spread | undefined
}

export const spread = (values: ReadonlyArray<number>): Spread => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number): number => sorted[index] ?? NaN
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2
  return { median, min: at(0), max: at(sorted.length - 1) }
}

/** Ratios are of rounds in which both were measured; figures of what never was are NaN. */
export const summarise = (
  measured: ReadonlyArray<Measured>,
  loads: ReadonlyArray<string>,
  names: ReadonlyArray<string>,
): ReadonlyArray<Row> =>
  loads.flatMap((load) => {
    const cells = (name: string): ReadonlyMap<number, Cell> =>
      new Map(measured.filter((one) => one.load === load && one.name === name).map(({ round, cell }) => [round, cell]))

    return names.map((name): Row => {
      const own = cells(name)
      const of = (key: keyof Cell): Spread => spread([...own.values()].map((cell) => cell[key]))
      const against = (other: string, key: keyof Cell): Spread | undefined => {
        const theirs = cells(other)
        const pairs = [...own].flatMap(([round, cell]) => {
          const their = theirs.get(round)
          return their === undefined ? [] : [cell[key] / their[key]]
        })
        return pairs.length === 0 ? undefined : spread(pairs)
      }
      return {
        load,
        name,
        rate: of('rate'),
        p50Us: of('p50Us').median,
        p99Us: of('p99Us').median,
        cpuUs: of('cpuUs').median,
        clientUs: of('clientUs').median,
        serverUs: of('serverUs').median,
        brokerUs: of('brokerUs').median,
        rateAgainst: Object.fromEntries(names.map((other) => [other, against(other, 'rate')])),
        p99AgainstNest: against('nestjs', 'p99Us'),
        cpuAgainstNest: against('nestjs', 'cpuUs'),
      }
    })
  })

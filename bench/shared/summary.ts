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

export const summarise = (
  measured: ReadonlyArray<Measured>,
  loads: ReadonlyArray<string>,
  names: ReadonlyArray<string>,
): ReadonlyArray<Row> =>
  loads.flatMap((load) => {
    const cells = (name: string): ReadonlyArray<Cell> =>
      measured.filter((one) => one.load === load && one.name === name).map((one) => one.cell)

    return names.map((name): Row => {
      const own = cells(name)
      const median = (key: keyof Cell): number => spread(own.map((cell) => cell[key])).median
      const against = (other: string, key: keyof Cell): Spread | undefined => {
        const theirs = cells(other)
        if (theirs.length === 0) return undefined
        return spread(own.map((cell, round) => cell[key] / (theirs[round]?.[key] ?? NaN)))
      }
      return {
        load,
        name,
        rate: spread(own.map((cell) => cell.rate)),
        p50Us: median('p50Us'),
        p99Us: median('p99Us'),
        cpuUs: median('cpuUs'),
        clientUs: median('clientUs'),
        serverUs: median('serverUs'),
        brokerUs: median('brokerUs'),
        rateAgainst: Object.fromEntries(names.map((other) => [other, against(other, 'rate')])),
        p99AgainstNest: against('nestjs', 'p99Us'),
        cpuAgainstNest: against('nestjs', 'cpuUs'),
      }
    })
  })

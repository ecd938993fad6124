/** From rounds of cells to the figures that are printed: medians, and ratios of contenders measured in the same round. */
import type { Name } from './contender.js'
import type { Cell } from './pair.js'

export interface Measured {
  readonly round: number
  readonly inFlight: number
  readonly name: Name
  readonly cell: Cell
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface Row {
  readonly inFlight: number
  readonly name: Name
  readonly rate: Spread
  readonly p50Us: number
  readonly p99Us: number
  readonly cpuUs: number
  /** Requests/s against each other contender: above 1 is faster. */
  readonly rateAgainst: Partial<Record<Name, Spread>>
  /** 99th percentile and CPU per request against NestJS: below 1 is better. */
  readonly p99AgainstNest: Spread | undefined
  readonly cpuAgainstNest: Spread | undefined
}

const spread = (values: ReadonlyArray<number>): Spread => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number): number => sorted[index] ?? NaN
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2
  return { median, min: at(0), max: at(sorted.length - 1) }
}

export const summarise = (
  measured: ReadonlyArray<Measured>,
  levels: ReadonlyArray<number>,
  names: ReadonlyArray<Name>,
): ReadonlyArray<Row> =>
  levels.flatMap((inFlight) => {
    const cells = (name: Name): ReadonlyArray<Cell> =>
      measured.filter((one) => one.inFlight === inFlight && one.name === name).map((one) => one.cell)

    return names.map((name): Row => {
      const own = cells(name)
      const median = (key: keyof Cell): number => spread(own.map((cell) => cell[key])).median
      const against = (other: Name, key: keyof Cell): Spread | undefined => {
        const theirs = cells(other)
        if (theirs.length === 0) return undefined
        return spread(own.map((cell, round) => cell[key] / (theirs[round]?.[key] ?? NaN)))
      }
      return {
        inFlight,
        name,
        rate: spread(own.map((cell) => cell.rate)),
        p50Us: median('p50Us'),
        p99Us: median('p99Us'),
        cpuUs: median('cpuUs'),
        rateAgainst: Object.fromEntries(names.map((other) => [other, against(other, 'rate')])),
        p99AgainstNest: against('nestjs', 'p99Us'),
        cpuAgainstNest: against('nestjs', 'cpuUs'),
      }
    })
  })

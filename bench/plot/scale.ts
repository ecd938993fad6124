/** From figures to places, and the figures that an axis shows. */

export type Scale = (value: number) => number

export const linear =
  (from: readonly [number, number], to: readonly [number, number]): Scale =>
  (value) =>
    to[0] + ((value - from[0]) / (from[1] - from[0])) * (to[1] - to[0])

export const logarithmic = (from: readonly [number, number], to: readonly [number, number]): Scale => {
  const scale = linear([Math.log10(from[0]), Math.log10(from[1])], to)
  return (value) => scale(Math.log10(value))
}

/** About `count` round figures from 0 to at least `most`. */
export const steps = (most: number, count: number): ReadonlyArray<number> => {
  if (!(most > 0)) return [0, 1]
  const rough = most / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10) * power
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, at) => Number((at * step).toPrecision(12)))
}

/** The powers of ten around all values. */
export const decades = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  const least = Math.floor(Math.log10(Math.min(...values)))
  const most = Math.max(least + 1, Math.ceil(Math.log10(Math.max(...values))))
  return Array.from({ length: most - least + 1 }, (_, at) => Number(`1e${least + at}`))
}

/** `1500` is `1.5k`, and with one digit `2k`. */
export const shortened = (value: number, digits = 3): string => {
  const exact = Number(value.toPrecision(digits))
  if (exact >= 1e6) return `${exact / 1e6}M`
  if (exact >= 1e3) return `${exact / 1e3}k`
  return String(exact)
}

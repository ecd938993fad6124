/** Curves on logarithmic axes, panels side by side, with a legend; what several rounds differed by is a vertical line. */
import type { Spread } from '../shared/summary.js'
import { decades, logarithmic, type Scale, shortened } from './scale.js'
import { classOf, el, label, line, picture } from './svg.js'

export interface Series {
  /** Gives the colour and the mark. */
  readonly name: string
  readonly label: string
  readonly points: ReadonlyArray<{ readonly x: number; readonly y: Spread }>
}

export interface LinePanel {
  /** What its vertical axis shows, with its unit. */
  readonly title: string
  readonly series: ReadonlyArray<Series>
}

export interface Lines {
  readonly title: string
  /** What the horizontal axes show, with its unit. */
  readonly axis: string
  readonly panels: ReadonlyArray<LinePanel>
}

const WIDTH = 920
const TOP = 58
const PLOT = 190
const LEFT = 46
const GAP = 14
const HEAD = 20
const FOOT = 40

/** Told apart by their form as well: a circle, a square, a triangle, a diamond. */
const mark = (at: number, x: number, y: number, fill: string): string => {
  const polygon = (points: ReadonlyArray<readonly [number, number]>): string =>
    el('polygon', {
      points: points.map(([dx, dy]) => `${(x + dx).toFixed(1)},${(y + dy).toFixed(1)}`).join(' '),
      class: fill,
    })
  if (at === 0) return el('circle', { cx: x, cy: y, r: 4, class: fill })
  if (at === 1) return el('rect', { x: x - 3.5, y: y - 3.5, width: 7, height: 7, class: fill })
  if (at === 2)
    return polygon([
      [0, -4.5],
      [4.5, 3.5],
      [-4.5, 3.5],
    ])
  return polygon([
    [0, -5],
    [5, 0],
    [0, 5],
    [-5, 0],
  ])
}

const drawnSeries = ({ name, points }: Series, at: number, x: Scale, y: Scale): ReadonlyArray<string> => {
  const colour = classOf(name)
  const path = points.map((one, i) => `${i === 0 ? 'M' : 'L'}${x(one.x).toFixed(1)} ${y(one.y.median).toFixed(1)}`)
  return [
    el('path', { d: path.join(''), class: `series line-${colour}` }),
    ...points.map((one) =>
      el('line', { x1: x(one.x), x2: x(one.x), y1: y(one.y.min), y2: y(one.y.max), class: `line-${colour}` }),
    ),
    ...points.map((one) => mark(at, x(one.x), y(one.y.median), `fill-${colour}`)),
  ]
}

const drawn = ({ title, series }: LinePanel, left: number, width: number): ReadonlyArray<string> => {
  const points = series.flatMap((one) => one.points)
  const xs = [...new Set(points.map((one) => one.x))]
  const top = TOP + HEAD
  const bottom = top + PLOT
  const [from, to] = [left + LEFT, left + width - GAP]
  const yMarks = decades(points.flatMap(({ y }) => [y.min, y.max]))
  const x = logarithmic([Math.min(...xs), Math.max(...xs)], [from + 6, to - 6])
  const y = logarithmic([yMarks[0] ?? 1, yMarks.at(-1) ?? 10], [bottom, top])
  return [
    label(left, TOP + 8, title, 'head'),
    ...yMarks.flatMap((at) => [
      line(from, y(at), to, y(at), 'grid'),
      label(from - 6, y(at) + 4, shortened(at), 'note', 'end'),
    ]),
    ...xs.flatMap((at) => [
      line(x(at), bottom, x(at), bottom + 4, 'axis'),
      label(x(at), bottom + 16, shortened(at, 1), 'note', 'middle'),
    ]),
    line(from, bottom, to, bottom, 'axis'),
    ...series.flatMap((one, at) => drawnSeries(one, at, x, y)),
  ]
}

export const lines = ({ title, axis, panels }: Lines): string => {
  const width = (WIDTH - 2 * GAP) / panels.length
  const legend = (panels[0]?.series ?? []).flatMap((one, at) => {
    const x = GAP + 4 + at * 110
    return [mark(at, x, 40, `fill-${classOf(one.name)}`), label(x + 10, 44, one.label, 'name')]
  })
  const height = TOP + HEAD + PLOT + FOOT
  const described = panels.map(
    (panel) =>
      `${panel.title}: ${panel.series
        .map(
          (one) =>
            `${one.label} ${one.points.map(({ x, y }) => `${shortened(y.median)} at ${shortened(x)}`).join(', ')}`,
        )
        .join('; ')}`,
  )
  return picture(WIDTH, height, title, described.join('. '), [
    label(GAP, 22, title, 'title'),
    ...legend,
    ...panels.flatMap((panel, at) => drawn(panel, GAP + at * width, width)),
    label(WIDTH / 2, height - 8, axis, 'note', 'middle'),
  ])
}

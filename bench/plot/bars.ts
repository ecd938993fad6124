/** Bars from left to right, a panel for each load; each has a scale of its own, and the line at 1 of what all are compared with. */
import type { Spread } from '../shared/summary.js'
import { linear, shortened, steps } from './scale.js'
import { classOf, el, label, line, picture } from './svg.js'

export interface Bar {
  /** Gives the colour. */
  readonly name: string
  readonly label: string
  readonly value: Spread
  /** Stands behind the bar. */
  readonly note: string
}

export interface BarPanel {
  readonly title: string
  readonly bars: ReadonlyArray<Bar>
}

export interface Bars {
  readonly title: string
  /** What the axes show, with its unit. */
  readonly axis: string
  readonly columns: number
  readonly panels: ReadonlyArray<BarPanel>
}

const WIDTH = 960
const TOP = 50
const NAMES = 104
const NOTES = 92
const ROW = 22
const THICK = 14
const HEAD = 24
const FOOT = 30
const GAP = 14

const heightOf = (panel: BarPanel): number => HEAD + panel.bars.length * ROW + FOOT

const drawn = ({ title, bars }: BarPanel, left: number, top: number, width: number): ReadonlyArray<string> => {
  const marks = steps(Math.max(1, ...bars.map(({ value }) => value.max)), 4)
  const from = left + NAMES
  const x = linear([0, marks.at(-1) ?? 1], [from, left + width - NOTES])
  const bottom = top + HEAD + bars.length * ROW
  return [
    label(left, top + 14, title, 'head'),
    ...marks.flatMap((mark) => [
      line(x(mark), top + HEAD, x(mark), bottom, 'grid'),
      label(x(mark), bottom + 14, shortened(mark), 'note', 'middle'),
    ]),
    line(x(1), top + HEAD - 2, x(1), bottom, 'axis reference'),
    ...bars.flatMap((bar, at) => {
      const y = top + HEAD + at * ROW + (ROW - THICK) / 2
      const middle = y + THICK / 2
      const { median, min, max } = bar.value
      return [
        label(from - 6, middle + 4, bar.label, bar.name === 'taskwire' ? 'strong' : 'name', 'end'),
        el('rect', {
          x: from,
          y,
          width: Math.max(1, x(median) - from),
          height: THICK,
          class: `fill-${classOf(bar.name)}`,
        }),
        line(x(min), middle, x(max), middle, 'spread'),
        line(x(min), middle - 4, x(min), middle + 4, 'spread'),
        line(x(max), middle - 4, x(max), middle + 4, 'spread'),
        label(Math.max(x(median), x(max)) + 6, middle + 4, bar.note, 'note'),
      ]
    }),
  ]
}

export const bars = ({ title, axis, columns, panels }: Bars): string => {
  const width = (WIDTH - GAP * (columns + 1)) / columns
  const rows = Array.from({ length: Math.ceil(panels.length / columns) }, (_, row) =>
    panels.slice(row * columns, (row + 1) * columns),
  )
  const heights = rows.map((row) => Math.max(...row.map(heightOf)))
  const topOf = (row: number): number => heights.slice(0, row).reduce((sum, height) => sum + height + GAP, TOP)
  const body = rows.flatMap((row, at) =>
    row.flatMap((panel, column) => drawn(panel, GAP + column * (width + GAP), topOf(at), width)),
  )
  const described = panels.map(
    (panel) => `${panel.title}: ${panel.bars.map((bar) => `${bar.label} ${bar.note}`).join(', ')}`,
  )
  return picture(WIDTH, topOf(rows.length), title, described.join('. '), [
    label(GAP, 22, title, 'title'),
    label(GAP, 40, axis),
    ...body,
  ])
}

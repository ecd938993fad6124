/** docs/performance.md, its pictures and the sentence of the README are what the recorded results make of them, and nothing else. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { rendered } from '../../bench/files.js'
import { renderPictures } from '../../bench/page/render.js'
import { goals, verdict } from '../../bench/page/goals.js'
import { ruleTables } from '../../bench/page/rules.js'
import type { RulesReport } from '../../bench/rules/report.js'
import { variants } from '../../bench/rules/variants.js'
import { patchedSources } from '../../bench/shared/build.js'
import { bars } from '../../bench/plot/bars.js'
import { lines } from '../../bench/plot/lines.js'
import { decades, linear, logarithmic, shortened, steps } from '../../bench/plot/scale.js'
import { classOf, el } from '../../bench/plot/svg.js'
import { spread, summarise } from '../../bench/shared/summary.js'
import { root } from './pages.js'

describe('what is recorded', () => {
  test('is what the page, the README and the pictures show: npm run bench -- --render', async () => {
    for (const [path, text] of await rendered()) expect(readFileSync(`${root}${path}`, 'utf8'), path).toBe(text)
  })

  test('has a picture for each that the page shows, and no other', async () => {
    const page = readFileSync(`${root}docs/performance.md`, 'utf8')
    const shown = [...page.matchAll(/\]\((performance\/[\w-]+\.svg)\)/g)].map(([, path]) => path)
    const there = readdirSync(`${root}docs/performance`).filter((name) => name.endsWith('.svg'))
    expect(shown.sort()).toEqual(there.map((name) => `performance/${name}`).sort())
    expect(shown.every((path) => existsSync(`${root}docs/${path}`))).toBe(true)
  })
})

describe('summaries', () => {
  const cell = (rate: number) => ({
    ...{ rate, p50Us: 1, p99Us: 2, cpuUs: 100 / rate },
    ...{ clientUs: 1, serverUs: 1, brokerUs: NaN },
  })
  const measured = [
    ...[10, 40, 20].map((rate, round) => ({ round, load: 'a', name: 'taskwire', cell: cell(rate) })),
    ...[5, 10, 10].map((rate, round) => ({ round, load: 'a', name: 'nestjs', cell: cell(rate) })),
  ]

  test('compare what was measured in the same round', () => {
    const [own] = summarise(measured, ['a'], ['taskwire', 'nestjs'])
    expect(own?.rate).toEqual({ median: 20, min: 10, max: 40 })
    expect(own?.rateAgainst['nestjs']).toEqual({ median: 2, min: 2, max: 4 })
    expect(own?.cpuAgainstNest).toEqual({ median: 0.5, min: 0.25, max: 0.5 })
  })

  test('take the middle of two', () => {
    expect(spread([4, 1])).toEqual({ median: 2.5, min: 1, max: 4 })
  })
})

describe('goals', () => {
  test('are reached, within the bound, or missed', () => {
    const more = { goal: 5, bound: 3, better: 'more' } as const
    expect([5, 4, 2].map((value) => verdict(more, value))).toEqual(['reached', 'within the bound', '**missed**'])
    const less = { goal: 0.2, bound: 0.3, better: 'less' } as const
    expect([0.1, 0.3, 0.4].map((value) => verdict(less, value))).toEqual(['reached', 'within the bound', '**missed**'])
  })

  test('of nothing measured have no figure', () => {
    expect(goals.map((goal) => goal.measured({}))).toEqual(goals.map(() => undefined))
  })
})

describe('the rules of the hot path', () => {
  test('are one row each, with their loads side by side', () => {
    const spread = { median: 3.4, min: 3, max: 4 }
    const rule = { rule: 'one write', instead: 'many', rate: spread, cpu: { ...spread, median: 2 } }
    const report = { rows: [64, 512].map((inFlight) => ({ ...rule, inFlight })) } as unknown as RulesReport
    expect(ruleTables(report)).toContain(
      '| one write | many | 3.40 (3.00–4.00) | 3.40 (3.00–4.00) | 2.00 (3.00–4.00) |',
    )
  })

  test.each(variants)('can be broken one at a time: $name', ({ patches }) => {
    expect([...patchedSources(patches).keys()]).toEqual([...new Set(patches.map(({ file }) => file))])
  })
})

describe('pictures', () => {
  test('have round figures on their axes', () => {
    expect(steps(7.3, 4)).toEqual([0, 2, 4, 6, 8])
    expect(steps(0.9, 4)).toEqual([0, 0.5, 1])
    expect(decades([30, 4_000])).toEqual([10, 100, 1_000, 10_000])
    expect([1, 0.25, 1_500, 2_000_000].map((value) => shortened(value))).toEqual(['1', '0.25', '1.5k', '2M'])
  })

  test('put figures where they belong', () => {
    expect(linear([0, 10], [100, 200])(5)).toBe(150)
    expect(logarithmic([1, 100], [0, 10])(10)).toBe(5)
  })

  test('escape what they say', () => {
    expect(el('text', { class: 'a"b' }, 'text')).toBe('<text class="a&quot;b">text</text>')
    const svg = bars({
      ...{ title: 'a < b & c', axis: '', columns: 1 },
      panels: [{ title: '', bars: [{ name: 'nestjs', label: '<x>', value: spread([1]), note: '' }] }],
    })
    expect(svg).toContain('a &lt; b &amp; c')
    expect(svg).toContain('&lt;x&gt;')
  })

  test('draw a bar, its spread, and a curve of each contender', () => {
    const value = { median: 2, min: 1, max: 3 }
    const bar = bars({
      ...{ title: 't', axis: 'a', columns: 1 },
      panels: [{ title: 'p', bars: [{ name: 'taskwire', label: 'taskwire', value, note: '2.00' }] }],
    })
    expect(bar.match(/class="fill-taskwire"/g)).toHaveLength(1)
    expect(bar.match(/class="spread"/g)).toHaveLength(3)
    const curve = lines({
      ...{ title: 't', axis: 'a' },
      panels: [
        { title: 'p', series: [{ name: 'raw', label: 'by hand', points: [1, 10].map((x) => ({ x, y: value })) }] },
      ],
    })
    expect(curve.match(/<path /g)).toHaveLength(1)
    expect(curve).toContain('by hand 2 at 1, 2 at 10')
  })

  test('give each contender its colour, and the others one', () => {
    expect(['taskwire', 'raw + io-ts', 'nestjs + ack', 'ajv'].map(classOf)).toEqual([
      'taskwire',
      'raw-io-ts',
      'nestjs-ack',
      'other',
    ])
  })

  test('are there for each part that was measured', () => {
    expect([...renderPictures({}).keys()]).toEqual([])
  })
})

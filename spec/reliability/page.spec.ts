import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { FaultResult } from '../faults/result.js'
import type { SoakResult } from '../soak/result.js'
import { cases } from './cases.js'
import { faultTables, pointTable, problems, rewritten, soakTable } from './page.js'

const fault = (more: Partial<FaultResult>): FaultResult => ({
  ...{ case: 'F01', broker: 'redis', guarantee: 'Nothing is lost.', passed: true, messages: 10_000, confirmed: 10_000 },
  ...{ handled: 9_998, deadLettered: 2, duplicates: 7, lost: 0, calls: 10_200, unsettledCalls: 0 },
  ...{ faults: ['SIGKILL'], seconds: 12.5, grownMiB: 34, figures: {} },
  ...more,
})

const soak = (more: Partial<SoakResult>): SoakResult => ({
  ...{ broker: 'redis', seed: 42, minutes: 10, passed: true, broken: [], messages: 100_001, confirmed: 99_000 },
  ...{ handled: 98_000, deadLettered: 1_000, wronglyBuried: 0, duplicates: 512, lost: 0, unheardOf: 0 },
  ...{
    calls: 120_000,
    unsettledCalls: 0,
    answered: 20_000,
    repeated: 0,
    errors: {},
    faults: ['1.0 s: SIGKILL'],
    redriven: 50,
  },
  ...{ longestIdleSeconds: 1.5, drainedAfterSeconds: 9 },
  memory: [
    { process: 'client', startMiB: 100, endMiB: 101.5, grownPercent: 1.5 },
    { process: 'replica', startMiB: 90, endMiB: 89.1, grownPercent: -1 },
  ],
  ...more,
})

test('a promise has one table, with a row for each that keeps it, in the order of the brokers', () => {
  const text = faultTables([
    fault({ broker: 'kafka', figures: { againAfterMs: 1_234, grownKiB: 7, triesIn3s: 10 } }),
    fault({}),
    fault({ case: 'F02', guarantee: 'It comes back.' }),
    fault({ case: 'crash-event' }),
  ])
  expect(text.match(/^### .*/gm)).toEqual(['### F01', '### F02'])
  expect(text.match(/^\| (Redis|Kafka) .*/gm)).toEqual([
    '| Redis | 10,000 | 1 | 7 | 2 | 0 | 10,200 | 0 | 34 MiB | 12.5 s |  |',
    '| Kafka | 10,000 | 1 | 7 | 2 | 0 | 10,200 | 0 | 34 MiB | 12.5 s | again after: 1.2 s; grown: 7 KiB; tries in 3s: 10 |',
    '| Redis | 10,000 | 1 | 7 | 2 | 0 | 10,200 | 0 | 34 MiB | 12.5 s |  |',
  ])
})

test('what was killed at every step has its points, and a soak its column', () => {
  expect(pointTable([fault({}), fault({ points: 52, survived: 52, unreached: 1 })])).toContain(
    '| Nothing is lost. | Redis | 52 | 52 | 1 | 10,000 | 7 | 0 |',
  )
  const table = soakTable([soak({ broker: 'kafka' }), soak({ seed: 7 })])
  expect(table).toContain('| seed | 7 | 42 |')
  expect(table).toContain('| memory of the client | 100 to 101.5 MiB (1.5 %) | 100 to 101.5 MiB (1.5 %) |')
})

test('what has failed, and what has not run, is refused', () => {
  const soaks = [soak({}), soak({ broker: 'amqp' }), soak({ broker: 'kafka' })]
  const faults = [fault({}), fault({ case: 'crash-event', points: 1, survived: 1, unreached: 0 })]
  expect(problems({ faults, soaks }, ['F01'])).toEqual([])
  expect(problems({ faults, soaks }, ['F01', 'F02'])).toEqual(['F02 has not run: npm run test:faults'])
  expect(
    problems({ faults: [fault({ passed: false })], soaks: [soak({ passed: false, broken: ['lost: 1'] })] }, ['F01']),
  ).toEqual([
    'F01 on Redis failed',
    'the soak of Redis: lost: 1',
    'nothing was killed at every step: npm run test:faults',
    'RabbitMQ was not soaked: npm run soak -- --broker amqp',
    'Kafka was not soaked: npm run soak -- --broker kafka',
  ])
})

test('tables are replaced, and nothing else of the page', () => {
  const page = 'before\n\n<!-- a -->\n\nold\n\n<!-- /a -->\n\nbetween\n\n<!-- b -->\n<!-- /b -->\nafter\n'
  expect(rewritten(page, { a: '| new |\n', b: 'text' })).toBe(
    'before\n\n<!-- a -->\n\n| new |\n\n<!-- /a -->\n\nbetween\n\n<!-- b -->\n\ntext\n\n<!-- /b -->\nafter\n',
  )
  expect(() => rewritten(page, { c: '' })).toThrow('the page has no place for c')
})

/** The rows of the tables under a heading, as their cells by the titles of the columns. */
const rowsUnder = (text: string, heading: string): ReadonlyArray<ReadonlyMap<string, string>> => {
  const part = text.split(`\n${heading}\n`)[1]?.split(/\n#{1,3} /)[0] ?? ''
  const cellsOf = (line: string): ReadonlyArray<string> =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim())
  return part.split('\n\n').flatMap((block) => {
    const [head = '', , ...body] = block.split('\n').filter((line) => line.startsWith('|'))
    const titles = cellsOf(head)
    return body.map((line) => new Map(cellsOf(line).map((cell, at) => [titles[at] ?? '', cell] as const)))
  })
}

describe('docs/reliability.md', () => {
  const text = readFileSync(fileURLToPath(new URL('../../docs/reliability.md', import.meta.url)), 'utf8')
  const none = (rows: ReadonlyArray<ReadonlyMap<string, string>>, title: string): void =>
    expect(rows.map((one) => one.get(title))).toEqual(rows.map(() => '0'))

  test.each(cases)('shows %s, with nothing lost and every call settled', (id) => {
    const rows = rowsUnder(text, `### ${id}`)
    expect(rows.length).toBeGreaterThan(0)
    none(rows, 'lost')
    none(rows, 'not settled')
  })

  test('shows every scenario on every broker, and that each point was survived', () => {
    const rows = rowsUnder(text, '## Every step')
    for (const broker of ['Redis', 'RabbitMQ', 'Kafka'])
      expect(rows.filter((one) => one.get('on') === broker).length).toBeGreaterThanOrEqual(4)
    none(rows, 'lost')
    expect(rows.map((one) => one.get('survived'))).toEqual(rows.map((one) => one.get('points')))
  })

  test('shows a soak of ten minutes on every broker, with nothing lost', () => {
    const rows = rowsUnder(text, '## Soak')
    const row = (title: string) =>
      ['Redis', 'RabbitMQ', 'Kafka'].map((broker) => rows.find((one) => one.get('') === title)?.get(broker))
    expect(row('minutes')).toEqual(['10', '10', '10'])
    expect(row('lost')).toEqual(['0', '0', '0'])
    expect(row('not settled by their deadline')).toEqual(['0', '0', '0'])
  })
})

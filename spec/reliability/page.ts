/** The tables of docs/reliability.md, from what the fault suite and the soak came to. The prose around them is written by hand. */
import { subjects, type FaultResult } from '../faults/result.js'
import type { Memory, SoakResult } from '../soak/result.js'
import type { Results } from './results.js'

const row = (cells: ReadonlyArray<string | number>): string => `| ${cells.join(' | ')} |`
const count = (value: number): string => value.toLocaleString('en-US')
const order = Object.keys(subjects)
const byBroker = <R extends { readonly broker: string }>(all: ReadonlyArray<R>): ReadonlyArray<R> =>
  [...all].sort((a, b) => order.indexOf(a.broker) - order.indexOf(b.broker))

/** `recoveredAfterMs` with 1234 is `recovered after: 1.2 s`, `grownKiB` with 7 `grown: 7 KiB`; without a unit it is a count. */
const figure = ([name, value]: readonly [string, number]): string => {
  const [, text = name, unit] = /^(.+)(Ms|KiB|MiB)$/.exec(name) ?? []
  const words = text.replace(/([A-Z]|\d+)/g, ' $1').toLowerCase()
  const time = value < 1_000 ? `${value} ms` : `${(value / 1_000).toFixed(1)} s`
  return `${words}: ${unit === 'Ms' ? time : unit === undefined ? count(value) : `${count(value)} ${unit}`}`
}

const columns: ReadonlyArray<readonly [string, (result: FaultResult) => string]> = [
  ['on', ({ broker }) => subjects[broker]],
  ['messages', ({ messages }) => count(messages)],
  ['faults', ({ faults }) => count(faults.length)],
  ['handled again', ({ duplicates }) => count(duplicates)],
  ['dead letters', ({ deadLettered }) => count(deadLettered)],
  ['lost', ({ lost }) => count(lost)],
  ['calls', ({ calls }) => count(calls)],
  ['not settled', ({ unsettledCalls }) => count(unsettledCalls)],
  ['memory', ({ grownMiB }) => `${grownMiB} MiB`],
  ['took', ({ seconds }) => `${seconds} s`],
  ['also measured', ({ figures }) => Object.entries(figures).map(figure).join('; ')],
]

/** One table for all who keep the same promise. */
const promises = (all: ReadonlyArray<FaultResult>): ReadonlyArray<string> =>
  [...new Set(all.map(({ guarantee }) => guarantee))].flatMap((guarantee) => [
    guarantee,
    '',
    row(columns.map(([title]) => title)),
    row(columns.map(() => '---')),
    ...byBroker(all.filter((one) => one.guarantee === guarantee)).map((one) =>
      row(columns.map(([, cell]) => cell(one))),
    ),
    '',
  ])

/** The cases F01, F02 and so on. */
export const faultTables = (all: ReadonlyArray<FaultResult>): string =>
  [...new Set(all.map((one) => one.case))]
    .filter((id) => /^F\d+$/.test(id))
    .sort()
    .flatMap((id) => [`### ${id}`, '', ...promises(all.filter((one) => one.case === id))])
    .join('\n')

/** The scenarios that were killed at every step of their I/O. */
export const pointTable = (all: ReadonlyArray<FaultResult>): string => {
  const killed = all.filter((one) => one.points !== undefined)
  return [
    row(['scenario', 'on', 'points', 'survived', 'not reached', 'messages', 'handled again', 'lost']),
    row(Array.from({ length: 8 }, () => '---')),
    ...[...new Set(killed.map(({ guarantee }) => guarantee))].flatMap((guarantee) =>
      byBroker(killed.filter((one) => one.guarantee === guarantee)).map((one) =>
        row([
          ...[one.guarantee, subjects[one.broker], count(one.points ?? 0), count(one.survived ?? 0)],
          ...[count(one.unreached ?? 0), count(one.messages), count(one.duplicates), count(one.lost)],
        ]),
      ),
    ),
  ].join('\n')
}

const memory = (one: Memory | undefined): string =>
  one === undefined ? '' : `${one.startMiB} to ${one.endMiB} MiB (${one.grownPercent} %)`

const soakRows: ReadonlyArray<readonly [string, (result: SoakResult) => string]> = [
  ['minutes', ({ minutes }) => String(minutes)],
  ['seed', ({ seed }) => String(seed)],
  ['events', ({ messages }) => count(messages)],
  ['accepted', ({ confirmed }) => count(confirmed)],
  ['handled', ({ handled }) => count(handled)],
  ['dead letters, as they have to be', ({ deadLettered, wronglyBuried }) => count(deadLettered - wronglyBuried)],
  ['put back while things broke', ({ redriven }) => count(redriven)],
  ['handled again', ({ duplicates }) => count(duplicates)],
  ['lost', ({ lost }) => count(lost)],
  ['calls', ({ calls }) => count(calls)],
  ['not settled by their deadline', ({ unsettledCalls }) => count(unsettledCalls)],
  ['requests run', ({ answered }) => count(answered)],
  ['of these twice, though not idempotent', ({ repeated }) => count(repeated)],
  ['faults', ({ faults }) => count(faults.length)],
  ['longest time without work, nothing being broken', ({ longestIdleSeconds }) => `${longestIdleSeconds} s`],
  ['memory of the client', ({ memory: [client] }) => memory(client)],
  ['memory of the replica', ({ memory: [, replica] }) => memory(replica)],
]

/** A column for each broker. */
export const soakTable = (all: ReadonlyArray<SoakResult>): string => {
  const sorted = byBroker(all)
  return [
    row(['', ...sorted.map(({ broker }) => subjects[broker])]),
    row(['---', ...sorted.map(() => '---')]),
    ...soakRows.map(([title, cell]) => row([title, ...sorted.map(cell)])),
  ].join('\n')
}

/** What must not be written down: what has failed, and what is not there. */
export const problems = ({ faults, soaks }: Results, cases: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...faults.filter(({ passed }) => !passed).map((one) => `${one.case} on ${subjects[one.broker]} failed`),
  ...soaks
    .filter(({ passed }) => !passed)
    .map(({ broker, broken }) => `the soak of ${subjects[broker]}: ${broken.join('; ')}`),
  ...cases.filter((id) => !faults.some((one) => one.case === id)).map((id) => `${id} has not run: npm run test:faults`),
  ...(faults.some(({ points }) => points !== undefined)
    ? []
    : ['nothing was killed at every step: npm run test:faults']),
  ...(['redis', 'amqp', 'kafka'] as const)
    .filter((kind) => !soaks.some(({ broker }) => broker === kind))
    .map((kind) => `${subjects[kind]} was not soaked: npm run soak -- --broker ${kind}`),
]

/** A page with its tables replaced: each stands between `<!-- name -->` and `<!-- /name -->`. */
export const rewritten = (page: string, tables: Readonly<Record<string, string>>): string =>
  Object.entries(tables).reduce((text, [name, table]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
    const [before, rest] = text.split(begin)
    const after = rest?.split(end)[1]
    if (before === undefined || after === undefined) throw new Error(`the page has no place for ${name}`)
    return `${before}${begin}\n\n${table.trim()}\n\n${end}${after}`
  }, page)

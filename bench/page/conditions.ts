/** What the figures were measured on, part by part. */
import type { PartName, Recorded, Results } from '../results.js'
import type { Environment } from '../shared/report.js'
import { ratio } from './figures.js'

const parts: Readonly<Record<PartName, string>> = {
  tcp: 'TCP',
  rules: 'rules',
  brokers: 'brokers',
  codecs: 'codecs',
  curves: 'curves',
  profile: 'memory and CPU',
}

const environmentsOf = (report: unknown): ReadonlyArray<Environment> =>
  (Array.isArray(report) ? report : [report]) as ReadonlyArray<Environment>

const rowOf = (name: PartName, { date, commit, seconds, report }: Recorded<unknown>): ReadonlyArray<string> => {
  const all = environmentsOf(report)
  const { rounds = 0, cellMs = 0 } = all[0]?.settings ?? {}
  return [
    ...[parts[name], date, `\`${commit}\``, `${rounds} of ${cellMs} ms`],
    ...[all.map(({ noise }) => ratio(noise.otherCores)).join(', '), `${seconds.toFixed(0)} s`],
  ]
}

export const conditions = (results: Results): string => {
  const measured = (Object.keys(parts) as ReadonlyArray<PartName>).flatMap((name) => {
    const found = results[name]
    return found === undefined ? [] : [[name, found] as const]
  })
  const environments = measured.flatMap(([, { report }]) => environmentsOf(report))
  const machines = [...new Set(environments.map(({ machine }) => machine))]
  const versions = new Map(environments.flatMap(({ versions: all }) => Object.entries(all)))
  const head = ['part', 'measured', 'commit', 'rounds', 'cores that other programs kept busy', 'took']
  return [
    `On ${machines.join('; ')}.`,
    '',
    ...[head, head.map(() => '---'), ...measured.map(([name, found]) => rowOf(name, found))].map(
      (cells) => `| ${cells.join(' | ')} |`,
    ),
    '',
    `${[...versions].map(([name, version]) => `${name} ${version}`).join(', ')}.`,
  ].join('\n')
}

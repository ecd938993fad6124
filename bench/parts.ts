/** The parts of `npm run bench`, each a program of its own that prints its report as JSON. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { brokerText } from './brokers/report.js'
import { curveTable } from './curves/report.js'
import { profileText } from './profile/report.js'
import { type CodecsReport, parsed, type PartName, type Recorded, type Reports, type Results } from './results.js'
import { ruleTable } from './rules/report.js'
import { bench, root } from './shared/build.js'
import { environmentText, text } from './shared/report.js'
import { aligned, range } from './shared/table.js'

/** In the order in which they run. */
export const partNames: ReadonlyArray<PartName> = ['tcp', 'rules', 'codecs', 'curves', 'profile', 'brokers']

const programOf = (name: PartName): string => join(bench, name, 'main.ts')

export const exists = (name: PartName): boolean => existsSync(programOf(name))

const stamp = (): Pick<Recorded<unknown>, 'date' | 'commit'> => {
  const git = (...args: ReadonlyArray<string>): string =>
    spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim()
  const changed = git('status', '--porcelain', '--', 'lib', 'bench') !== ''
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: `${git('rev-parse', '--short', 'HEAD')}${changed ? '+' : ''}`,
  }
}

/** Its progress goes to stderr. */
const reportOf = (name: PartName): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const args = ['--import', 'tsx', programOf(name), '--json']
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    process.once('exit', () => child.kill())
    const chunks: Array<Buffer> = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0
        ? resolve(parsed(Buffer.concat(chunks).toString()))
        : reject(new Error(`bench:${name} ended with ${code ?? 'a signal'}`)),
    )
  })

const withoutRounds = (report: unknown): unknown => {
  if (Array.isArray(report)) return report.map(withoutRounds)
  return Object.fromEntries(Object.entries(report as object).filter(([key]) => key !== 'measured'))
}

export const measured = async (name: PartName): Promise<Recorded<unknown>> => {
  const began = performance.now()
  const report = withoutRounds(await reportOf(name))
  return { ...stamp(), seconds: Math.round((performance.now() - began) / 1000), report }
}

const codecsText = (report: CodecsReport): string =>
  [
    environmentText(report),
    aligned([
      ['', 'contender', 'ns', ': io-ts', ': ajv'],
      ...report.rows.map((row) => [
        ...[`${row.payload}, ${row.kind}: ${row.operation}`, row.contender, row.ns.median.toFixed(1)],
        ...[range(row.againstIoTs), range(row.againstAjv ?? undefined)],
      ]),
    ]),
  ].join('\n')

const texts: { readonly [P in PartName]: (report: Reports[P]) => string } = {
  tcp: text,
  brokers: (all) => all.map(brokerText).join('\n'),
  codecs: codecsText,
  curves: (report) => [environmentText(report), ...report.curves.map(curveTable)].join('\n'),
  rules: (report) => `${environmentText(report)}\n\n${ruleTable(report)}`,
  profile: (report) => `${environmentText(report)}\n\n${profileText(report)}`,
}

const textOf = <P extends PartName>(name: P, recorded: Recorded<Reports[P]> | undefined): string =>
  recorded === undefined ? '' : texts[name](recorded.report)

/** The tables of one part, as it prints them itself. */
export const printed = (name: PartName, results: Results): string => textOf(name, results[name])

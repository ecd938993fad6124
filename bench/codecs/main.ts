/**
 * `npm run bench:codecs`: decoding and encoding with io-ts, taskwire's compiled codecs, ajv, typebox and zod.
 * Flags: --json, --only flat,order,users. Environment: BENCH_ROUNDS (7), BENCH_CELL_MS (80).
 */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bench, build, root } from '../shared/build.js'
import { install, manifestVersion, versionOf } from '../shared/install.js'
import { cpuUs } from '../shared/load.js'
import { machine, watch } from '../shared/machine.js'
import { listed, log } from '../shared/report.js'
import type { CellSettings, Sample } from './cell.js'
import type { Kind } from './shape.js'
import { summarise, text, type Report } from './summary.js'

const WARM_UP_MS = 150
const names = ['flat', 'order', 'users']
const kinds: ReadonlyArray<Kind> = ['type', 'exact']

const { values: flags } = parseArgs({
  options: { json: { type: 'boolean', default: false }, only: { type: 'string', default: names.join(',') } },
})
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 7)
const cellMs = Number(process.env['BENCH_CELL_MS'] ?? 80)

interface Answer {
  readonly samples: ReadonlyArray<Sample>
  readonly cpu: NodeJS.CpuUsage
}

const run = (program: string, settings: CellSettings): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const child = fork(program, [JSON.stringify(settings)], { execArgv: [] })
    child.once('message', (answer) => resolve(answer as Answer))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${settings.payload} ${settings.kind} ended with ${code}`)))
  })

const payloads = listed(flags.only, names)
install(log)
const folder = build('codecs')
const peers = pathToFileURL(join(bench, 'codecs', 'peers.mjs')).href
const noise = watch()
const cells: Array<Parameters<typeof summarise>[0][number]> = []
let childrenUs = 0
for (const payload of payloads)
  for (const kind of kinds) {
    log(`${payload}, ${kind}`)
    const settings = { peers, payload, kind, rounds, cellMs, warmUpMs: WARM_UP_MS }
    const { samples, cpu } = await run(join(folder, 'codecs', 'cell.js'), settings)
    childrenUs += cpu.user + cpu.system
    cells.push({ payload, kind, samples })
  }

const report: Report = {
  machine: machine(),
  versions: {
    taskwire: manifestVersion(root),
    ...Object.fromEntries(['fp-ts', 'io-ts'].map((name) => [name, versionOf(name, root)])),
    ...Object.fromEntries(['ajv', '@sinclair/typebox', 'zod'].map((name) => [name, versionOf(name, bench)])),
  },
  settings: { rounds, cellMs },
  noise: noise(childrenUs + cpuUs()),
  rows: summarise(cells),
}
console.log(flags.json ? JSON.stringify(report, null, 2) : text(report))

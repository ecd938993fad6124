/**
 * `npm run bench:tcp`: requests/s, latency and CPU per request of taskwire over TCP, of NestJS over TCP, and of a raw
 * `net` loop. Flags: --json, --only a,b, --at 1,64,512, --prof CONTENDER. Environment: BENCH_ROUNDS (5), BENCH_CELL_MS (2000).
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bench, build } from '../shared/build.js'
import { install } from '../shared/install.js'
import { cpuUs } from '../shared/load.js'
import { machine, versions, watch } from '../shared/machine.js'
import { killAll, type Pair, startPair } from '../shared/pair.js'
import type { Part } from '../shared/peer.js'
import { profile } from '../shared/profile.js'
import { listed, log, type Report, text } from '../shared/report.js'
import { type Measured, summarise } from '../shared/summary.js'
import { names as allNames } from './contenders.js'

const WARM_UP_MS = 700
const PROFILE_MS = 6_000

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: allNames.join(',') },
    prof: { type: 'string' },
    at: { type: 'string' },
  },
})
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5)
const levels = (flags.at ?? (flags.prof === undefined ? '1,64,512' : '64')).split(',').map(Number)
const cellMs = Number(process.env['BENCH_CELL_MS'] ?? 2_000)

const heading = (inFlight: number): string => `${inFlight} in flight`

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

const measure = async (pairs: ReadonlyArray<Pair>): Promise<ReadonlyArray<Measured>> => {
  for (const pair of pairs)
    for (const inFlight of levels) await pair.measure({ _tag: 'requests', inFlight, ms: WARM_UP_MS })

  const measured: Array<Measured> = []
  for (let round = 0; round < rounds; round += 1) {
    log(`round ${round + 1} of ${rounds}`)
    for (const inFlight of levels) {
      // Each round starts with another contender, so that none always runs after the same one.
      for (let turn = 0; turn < pairs.length; turn += 1) {
        const pair = pairs[(round + turn) % pairs.length]!
        const cell = await pair.measure({ _tag: 'requests', inFlight, ms: cellMs })
        measured.push({ round, load: heading(inFlight), name: pair.name, cell })
      }
    }
  }
  return measured
}

const compare = async (names: ReadonlyArray<string>, start: (name: string) => Promise<Pair>): Promise<void> => {
  const seconds = (names.length * levels.length * (rounds * cellMs + WARM_UP_MS)) / 1000
  log(`${rounds} rounds of ${cellMs} ms for ${names.join(', ')}: about ${Math.ceil(seconds)} s`)

  const noise = watch()
  const pairs: Array<Pair> = []
  for (const name of names) pairs.push(await start(name))
  const measured = await measure(pairs)
  const own = await Promise.all(pairs.map((pair) => pair.cpu()))
  const report: Report = {
    machine: machine(),
    versions: versions(),
    settings: { rounds, cellMs, levels: levels.map(heading) },
    noise: noise(own.reduce((sum, us) => sum + us, cpuUs())),
    rows: summarise(measured, levels.map(heading), names),
    measured,
  }
  await Promise.all(pairs.map((pair) => pair.stop()))
  console.log(flags.json ? JSON.stringify(report, null, 2) : text(report))
}

process.once('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

const wanted = listed(flags.prof ?? flags.only, allNames)
install(log)
const folder = build('tcp')
const part = async (name: string): Promise<Part> => ({
  contenders: pathToFileURL(join(folder, 'tcp', 'contenders.js')).href,
  nestjs: pathToFileURL(join(bench, 'tcp', 'nestjs.mjs')).href,
  name,
  place: await freePort(),
})
if (flags.prof === undefined) await compare(wanted, async (name) => startPair(await part(name), { build: folder }))
else {
  const workload = { _tag: 'requests', inFlight: levels[0] ?? 64, ms: PROFILE_MS } as const
  await profile(await part(flags.prof), workload, { build: folder })
}

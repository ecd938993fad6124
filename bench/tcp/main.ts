/**
 * `npm run bench:tcp`: requests/s, latency and CPU per request of taskwire over TCP, of its peers, and of a raw `net` loop.
 * Flags: --json, --only a,b, --at 1,64,512,8x64, --prof CONTENDER. Environment: BENCH_ROUNDS (5), BENCH_CELL_MS (1200).
 */
import { parseArgs } from 'node:util'
import { build } from '../shared/build.js'
import { exitWithChildren } from '../shared/exit.js'
import { install } from '../shared/install.js'
import { cpuUs } from '../shared/load.js'
import { machine, versions, watch } from '../shared/machine.js'
import { rotated } from '../shared/order.js'
import type { Pair } from '../shared/pair.js'
import { profile } from '../shared/profile.js'
import { listed, log, type Report, text } from '../shared/report.js'
import { setting } from '../shared/setting.js'
import { type Measured, summarise } from '../shared/summary.js'
import { names as allNames } from './contenders.js'
import { heading, requestsOf } from './level.js'
import { startTcp, tcpPart } from './start.js'

const WARM_UP_MS = 500
const PROFILE_MS = 6_000

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: allNames.join(',') },
    prof: { type: 'string' },
    at: { type: 'string' },
  },
})
const rounds = setting('BENCH_ROUNDS', 5)
const cellMs = setting('BENCH_CELL_MS', 1_200)
const levels = (flags.at ?? (flags.prof === undefined ? '1,64,512,8x64' : '64')).split(',')

const measure = async (pairs: ReadonlyArray<Pair>): Promise<ReadonlyArray<Measured>> => {
  const put = (pair: Pair, level: string, ms: number) => pair.measure({ _tag: 'requests', ...requestsOf(level, ms) })
  for (const pair of pairs) for (const level of levels) await put(pair, level, WARM_UP_MS)

  const measured: Array<Measured> = []
  for (let round = 0; round < rounds; round += 1) {
    log(`round ${round + 1} of ${rounds}`)
    for (const level of levels)
      for (const pair of rotated(pairs, round))
        measured.push({ round, load: heading(level), name: pair.name, cell: await put(pair, level, cellMs) })
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
    versions: versions(['@grpc/grpc-js', '@grpc/proto-loader'], ['moleculer']),
    settings: { rounds, cellMs, levels: levels.map(heading) },
    noise: noise(own.reduce((sum, us) => sum + us, cpuUs())),
    rows: summarise(measured, levels.map(heading), names),
    measured,
  }
  await Promise.all(pairs.map((pair) => pair.stop()))
  console.log(flags.json ? JSON.stringify(report, null, 2) : text(report))
}

exitWithChildren()
const wanted = listed(flags.prof ?? flags.only, allNames)
install(log)
const folder = build('tcp')
if (flags.prof === undefined) await compare(wanted, (name) => startTcp(folder, name))
else {
  const workload = { _tag: 'requests', ...requestsOf(levels[0] ?? '64', PROFILE_MS) } as const
  await profile(await tcpPart(folder, flags.prof), workload, { build: folder })
}

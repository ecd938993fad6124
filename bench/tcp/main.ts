/**
 * `npm run bench:tcp`: requests/s, latency and CPU per request of taskwire over TCP, of NestJS over TCP, and of a raw
 * `net` loop. Flags: --json, --only a,b, --at 1,64,512, --prof CONTENDER. Environment: BENCH_ROUNDS (5), BENCH_CELL_MS (2000).
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bench, build } from './build.js'
import { isName, type Name, names as allNames } from './contender.js'
import { install } from './install.js'
import { cpuUs } from './load.js'
import { machine, versions, watch } from './machine.js'
import { killAll, type Options, type Pair, startPair } from './pair.js'
import { profile } from './profile.js'
import { type Measured, summarise } from './summary.js'
import { tables } from './table.js'

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

/** Progress and notes go to stderr, so that stdout holds the report alone. */
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const named = (name: string): Name => {
  if (!isName(name)) throw new Error(`no contender '${name}'; there are ${allNames.join(', ')}`)
  return name
}

const measure = async (pairs: ReadonlyArray<Pair>): Promise<ReadonlyArray<Measured>> => {
  for (const pair of pairs) for (const inFlight of levels) await pair.measure(inFlight, WARM_UP_MS)

  const measured: Array<Measured> = []
  for (let round = 0; round < rounds; round += 1) {
    log(`round ${round + 1} of ${rounds}`)
    for (const inFlight of levels) {
      // Each round starts with another contender, so that none always runs after the same one.
      for (let turn = 0; turn < pairs.length; turn += 1) {
        const pair = pairs[(round + turn) % pairs.length]!
        measured.push({ round, inFlight, name: pair.name, cell: await pair.measure(inFlight, cellMs) })
      }
    }
  }
  return measured
}

const compare = async (names: ReadonlyArray<Name>, options: Options): Promise<void> => {
  const seconds = (names.length * levels.length * (rounds * cellMs + WARM_UP_MS)) / 1000
  log(`${rounds} rounds of ${cellMs} ms for ${names.join(', ')}: about ${Math.ceil(seconds)} s`)

  const noise = watch()
  const pairs: Array<Pair> = []
  for (const name of names) pairs.push(await startPair(name, options))
  const measured = await measure(pairs)
  const own = await Promise.all(pairs.map((pair) => pair.cpu()))
  const { loadAverage, otherCores } = noise(own.reduce((sum, us) => sum + us, cpuUs()))
  await Promise.all(pairs.map((pair) => pair.stop()))

  const rows = summarise(measured, levels, names)
  const settings = { rounds, cellMs, levels }
  const report = {
    machine: machine(),
    versions: versions(),
    settings,
    noise: { loadAverage, otherCores },
    rows,
    measured,
  }
  if (flags.json) return console.log(JSON.stringify(report, null, 2))

  console.log(report.machine)
  console.log(
    Object.entries(report.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  )
  console.log(
    `other programs kept ${otherCores.toFixed(2)} cores busy; load average ${loadAverage.map((load) => load.toFixed(1)).join(' -> ')}`,
  )
  console.log(`medians of ${rounds} rounds of ${cellMs} ms; ratios are medians of per-round pairs (min-max)`)
  console.log(tables(rows))
}

process.once('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

install(log)
const options: Options = { build: build(), nestjs: pathToFileURL(join(bench, 'tcp', 'nestjs.mjs')).href }
if (flags.prof !== undefined) await profile(named(flags.prof), levels[0] ?? 64, PROFILE_MS, options)
else await compare(flags.only.split(',').map(named), options)

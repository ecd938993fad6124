/**
 * `npm run bench:profile`: what a request and a connection cost each side, over TCP: CPU, memory, allocations. Flags: --json.
 * Environment: BENCH_ROUNDS (3), BENCH_CELL_MS (600), BENCH_HELD (5000), BENCH_IDLE (1000).
 */
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bench, build } from '../shared/build.js'
import { exitWithChildren } from '../shared/exit.js'
import { install } from '../shared/install.js'
import { cpuUs } from '../shared/load.js'
import { machine, versions, watch } from '../shared/machine.js'
import { rotated } from '../shared/order.js'
import type { Options, Pair } from '../shared/pair.js'
import { environmentText, log } from '../shared/report.js'
import { setting } from '../shared/setting.js'
import { type Measured, summarise } from '../shared/summary.js'
import { heading, requestsOf } from '../tcp/level.js'
import { startTcp } from '../tcp/start.js'
import { type Allocation, type ProfileReport, profileText } from './report.js'
import { idle, inFlight, type Weight, weighed } from './weigh.js'

const WARM_UP_MS = 500
/** taskwire grants 256 requests in flight on each. */
const HELD_CONNECTIONS = 20

/** Memory differs little from one round to the next. */
const WEIGHINGS = 2

const { values: flags } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const rounds = setting('BENCH_ROUNDS', 3)
const cellMs = setting('BENCH_CELL_MS', 600)
const held = setting('BENCH_HELD', 5_000)
const idleConnections = setting('BENCH_IDLE', 1_000)

const levels = ['1', '64', '512']
const names = ['taskwire', 'nestjs', 'raw']
/** The share of validation: the same without. */
const withUnchecked = [...names, 'taskwire unchecked']

exitWithChildren()
install(log)
const folder = build('tcp')
let ownUs = 0

type Shape = Parameters<typeof startTcp>[2]

const used = async <A>(
  name: string,
  shape: Shape,
  options: Omit<Options, 'build'>,
  use: (pair: Pair) => Promise<A>,
): Promise<A> => {
  const pair = await startTcp(folder, name, shape, options)
  const result = await use(pair)
  ownUs += await pair.cpu()
  await pair.stop()
  return result
}

const cpuRows = async () => {
  const pairs: Array<Pair> = []
  for (const name of withUnchecked) pairs.push(await startTcp(folder, name))
  const put = (pair: Pair, level: string, ms: number) => pair.measure({ _tag: 'requests', ...requestsOf(level, ms) })
  for (const pair of pairs) for (const level of levels) await put(pair, level, WARM_UP_MS)
  const measured: Array<Measured> = []
  for (let round = 0; round < rounds; round += 1)
    for (const level of levels)
      for (const pair of rotated(pairs, round))
        measured.push({ round, load: heading(level), name: pair.name, cell: await put(pair, level, cellMs) })
  for (const pair of pairs) {
    ownUs += await pair.cpu()
    await pair.stop()
  }
  return summarise(measured, levels.map(heading), withUnchecked)
}

const weigh = async (shape: Shape, one: (pair: Pair) => Promise<Weight>) => {
  const measured = new Map<string, ReadonlyArray<Weight>>()
  for (let round = 0; round < Math.min(rounds, WEIGHINGS); round += 1)
    for (const name of rotated(names, round)) {
      const weight = await used(name, shape, { execArgv: ['--expose-gc'] }, one)
      measured.set(name, [...(measured.get(name) ?? []), weight])
    }
  return names.map((name) => weighed(name, measured.get(name) ?? []))
}

const shorten = (text: string): string =>
  text
    .replace(`${pathToFileURL(folder).href}/`, '')
    .replace(`${pathToFileURL(bench).href}/`, '')
    .replace(/\S*\/node_modules\//, '')

const allocation = (name: string): Promise<Allocation> =>
  used(name, {}, {}, async (pair) => {
    await pair.measure({ _tag: 'requests', ...requestsOf('64', WARM_UP_MS) })
    const { client, server, requests } = await pair.allocate(requestsOf('64', 2 * cellMs))
    const top = (all: typeof client.top) =>
      all.map(({ where, bytes }) => ({ where: shorten(where), bytes: bytes / requests })).slice(0, 20)
    return {
      name,
      bytes: { client: client.bytes / requests, server: server.bytes / requests },
      top: { client: top(client.top), server: top(server.top) },
    }
  })

const noise = watch()
const own = cpuUs()
log('CPU per request')
const rows = await cpuRows()
log(`memory of ${held} requests in flight`)
const inFlightWeights = await weigh({ holds: true }, (pair) => inFlight(pair, held, HELD_CONNECTIONS))
log(`memory of ${idleConnections} idle connections`)
const idleWeights = await weigh({}, (pair) => idle(pair, idleConnections))
log('allocations')
const allocations: Array<Allocation> = []
for (const name of names) allocations.push(await allocation(name))

const report: ProfileReport = {
  machine: machine(),
  versions: versions(),
  settings: { rounds, cellMs, held, heldConnections: HELD_CONNECTIONS, idleConnections },
  noise: noise(ownUs + cpuUs() - own),
  rows,
  allocations,
  inFlight: inFlightWeights,
  idle: idleWeights,
}
console.log(flags.json ? JSON.stringify(report, null, 2) : `${environmentText(report)}\n\n${profileText(report)}`)

/**
 * `npm run bench:curves`: how taskwire, NestJS and a raw loop over TCP go on as endpoints, connections, payloads and
 * requests in flight grow. Flags: --json, --only endpoints,connections,payload,inFlight, --contenders a,b. Environment:
 * BENCH_ROUNDS (3), BENCH_CELL_MS (400).
 */
import { parseArgs } from 'node:util'
import { build } from '../shared/build.js'
import { exitWithChildren } from '../shared/exit.js'
import { install } from '../shared/install.js'
import { cpuUs } from '../shared/load.js'
import { machine, versions, watch } from '../shared/machine.js'
import { rotated } from '../shared/order.js'
import type { Cell, Pair } from '../shared/pair.js'
import { environmentText, listed, log } from '../shared/report.js'
import { setting } from '../shared/setting.js'
import { type Measured, summarise } from '../shared/summary.js'
import { startTcp } from '../tcp/start.js'
import { type Curve, curves, names as allNames, type Point } from './curves.js'
import { type CurvesReport, curveTable, loadOf, type MeasuredCurve } from './report.js'

/** Until the compiler has seen what is measured: of a process that has just started, and of one at its next point. */
const FIRST_MS = 500
const NEXT_MS = 200
/** Each endpoint compiles its codecs when it is first called. */
const PER_ENDPOINT_MS = 0.1

const all = curves.map(({ name }) => name)
const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: all.join(',') },
    contenders: { type: 'string', default: allNames.join(',') },
  },
})
const rounds = setting('BENCH_ROUNDS', 3)
const cellMs = setting('BENCH_CELL_MS', 400)

exitWithChildren()
const wanted = listed(flags.only, all)
const names = listed(flags.contenders, allNames)
install(log)
const folder = build('tcp')

let ownUs = 0
const leave = async (pair: Pair): Promise<void> => {
  ownUs += await pair.cpu()
  await pair.stop()
}

const put = (pair: Pair, { load }: Point, ms: number): Promise<Cell> => pair.measure({ _tag: 'requests', ...load, ms })

/**
 * One contender through all points, the least first. Only its pair is alive, and a new one wherever the service is another.
 * A point at which it fails has no figure.
 */
const through = async ({ points }: Curve, name: string): Promise<ReadonlyArray<Cell | undefined>> => {
  const cells: Array<Cell | undefined> = []
  let pair: Pair | undefined
  let endpoints = 0
  for (const point of points) {
    try {
      if (pair !== undefined && endpoints !== point.endpoints) {
        await leave(pair)
        pair = undefined
      }
      const fresh = pair === undefined
      pair ??= await startTcp(folder, name, { endpoints: point.endpoints })
      await put(pair, point, fresh ? FIRST_MS + point.endpoints * PER_ENDPOINT_MS : NEXT_MS)
      endpoints = point.endpoints
      cells.push(await put(pair, point, cellMs))
    } catch (error) {
      log(`${name} failed at ${point.x}: ${String(error)}`)
      cells.push(undefined)
      await pair?.stop()
      pair = undefined
    }
  }
  if (pair !== undefined) await leave(pair)
  return cells
}

const measureCurve = async (curve: Curve): Promise<MeasuredCurve> => {
  const { name, title, unit, points } = curve
  const measured: Array<Measured> = []
  for (let round = 0; round < rounds; round += 1) {
    log(`${title}: round ${round + 1} of ${rounds}`)
    for (const contender of rotated(names, round)) {
      const cells = await through(curve, contender)
      cells.forEach((cell, at) => {
        if (cell !== undefined) measured.push({ round, load: loadOf(curve, points[at]!.x), name: contender, cell })
      })
    }
  }
  const rows = (x: number) => summarise(measured, [loadOf(curve, x)], names)
  return { name, title, unit, points: points.map(({ x }) => ({ x, rows: rows(x) })) }
}

const noise = watch()
const own = cpuUs()
const measured: Array<MeasuredCurve> = []
for (const curve of curves.filter(({ name }) => wanted.includes(name))) measured.push(await measureCurve(curve))
const report: CurvesReport = {
  machine: machine(),
  versions: versions(),
  settings: { rounds, cellMs },
  noise: noise(ownUs + cpuUs() - own),
  curves: measured,
}
if (flags.json) console.log(JSON.stringify(report, null, 2))
else console.log([environmentText(report), ...measured.map(curveTable)].join('\n'))

/**
 * `npm run bench:rules`: what each rule of the hot path buys over TCP: taskwire against itself without it. Flags: --json,
 * --only a,b (names of variants). Environment: BENCH_ROUNDS (5), BENCH_CELL_MS (300).
 */
import { parseArgs } from 'node:util'
import { build, patched } from '../shared/build.js'
import { exitWithChildren } from '../shared/exit.js'
import { cpuUs } from '../shared/load.js'
import { install } from '../shared/install.js'
import { machine, versions, watch } from '../shared/machine.js'
import { rotated } from '../shared/order.js'
import type { Cell, Pair } from '../shared/pair.js'
import { environmentText, listed, log } from '../shared/report.js'
import { setting } from '../shared/setting.js'
import { spread } from '../shared/summary.js'
import { requestsOf } from '../tcp/level.js'
import { startTcp } from '../tcp/start.js'
import { type RuleRow, type RulesReport, ruleTable } from './report.js'
import { levels, variants } from './variants.js'

const WARM_UP_MS = 400

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: variants.map(({ name }) => name).join(',') },
  },
})
const rounds = setting('BENCH_ROUNDS', 5)
const cellMs = setting('BENCH_CELL_MS', 300)
const wanted = listed(
  flags.only,
  variants.map(({ name }) => name),
)
const chosen = variants.filter(({ name }) => wanted.includes(name))

interface Side {
  readonly pair: Pair
  readonly levels: readonly [string, string, string]
  readonly cells: ReadonlyArray<Array<Cell>>
}

exitWithChildren()
install(log)
const folder = build('tcp')
log(`${rounds} rounds of ${cellMs} ms without each of ${chosen.length} rules`)

const noise = watch()
const side = async (built: string, own: readonly [string, string, string] = levels): Promise<Side> => ({
  pair: await startTcp(built, 'taskwire'),
  levels: own,
  cells: own.map(() => []),
})
const whole = await side(folder)
const without: Array<Side> = []
for (const { patches, levels: own } of chosen) without.push(await side(patched(folder, patches), own))
const sides = [whole, ...without]

const put = ({ pair, levels: own }: Side, at: number, ms: number): Promise<Cell> =>
  pair.measure({ _tag: 'requests', ...requestsOf(own[at] ?? '', ms) })

for (const one of sides) for (const at of levels.keys()) await put(one, at, WARM_UP_MS)
for (let round = 0; round < rounds; round += 1) {
  log(`round ${round + 1} of ${rounds}`)
  for (const at of levels.keys())
    for (const one of rotated(sides, round)) one.cells[at]?.push(await put(one, at, cellMs))
}

const against = (at: number, theirs: Side, ratio: (mine: Cell, other: Cell) => number) =>
  spread(
    (whole.cells[at] ?? []).flatMap((mine, round) => {
      const other = theirs.cells[at]?.[round]
      return other === undefined ? [] : [ratio(mine, other)]
    }),
  )

const rows = chosen.flatMap(({ rule, instead }, index): ReadonlyArray<RuleRow> => {
  const theirs = without[index]
  return theirs === undefined
    ? []
    : levels.map((level, at) => ({
        ...{ rule, instead, inFlight: Number(level) },
        rate: against(at, theirs, (mine, other) => mine.rate / other.rate),
        cpu: against(at, theirs, (mine, other) => other.cpuUs / mine.cpuUs),
      }))
})

const used = await Promise.all(sides.map(({ pair }) => pair.cpu()))
const report: RulesReport = {
  machine: machine(),
  versions: versions(),
  settings: { rounds, cellMs },
  noise: noise(used.reduce((sum, us) => sum + us, cpuUs())),
  rows,
}
await Promise.all(sides.map(({ pair }) => pair.stop()))
console.log(flags.json ? JSON.stringify(report, null, 2) : `${environmentText(report)}\n\n${ruleTable(report)}`)

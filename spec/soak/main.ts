/**
 * `npm run soak`: random faults under a steady load, 10 minutes on each broker. `-- --broker redis --minutes 1 --seed 42`
 * choose; `--folder` is where the results go, `.tmp/soak` by default. The exit code is 1 when a bound was broken.
 */
import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { missing, software } from '../brokers/broker.js'
import { kinds } from '../brokers/software.js'
import { keep, table, type SoakResult } from './result.js'
import { soak } from './soak.js'

const { values: flags } = parseArgs({
  options: {
    broker: { type: 'string', multiple: true, default: [...kinds] },
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
    folder: { type: 'string', default: fileURLToPath(new URL('../../.tmp/soak/', import.meta.url)) },
  },
})
const [minutes, seed] = [Number(flags.minutes), Number(flags.seed)]
const unknown = flags.broker.filter((name) => !kinds.some((kind) => kind === name))
if (unknown.length > 0 || !(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error(`--broker is one of ${kinds.join(', ')}; --minutes and --seed are numbers`)
  process.exit(2)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

/** Events in a second. On Kafka an event that waits for its retry holds a third of the others. */
const rates = { redis: 300, amqp: 300, kafka: 150 } as const

console.log(`seed ${seed}`)
const results: Array<SoakResult> = []
for (const kind of kinds.filter((one) => flags.broker.includes(one))) {
  if (!(await software[kind].found())) throw new Error(missing(kind))
  const result = await soak({ kind, minutes, seed, rate: rates[kind], print: (line) => console.log(line) })
  keep(flags.folder, result)
  results.push(result)
}
console.log(table(results))
process.exit(results.every(({ passed }) => passed) ? 0 : 1)

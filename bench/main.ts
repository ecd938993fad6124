/**
 * `npm run bench`: runs every benchmark, prints what came of it, records it, and renders docs/performance.md, its pictures
 * and the sentence of the README. Flags: --only tcp,rules,codecs,curves,profile,brokers leaves what is recorded of the others;
 * --render measures nothing. The environment is handed on to each.
 */
import { parseArgs } from 'node:util'
import { readResults, writeRendered, writeResults } from './files.js'
import { exists, measured, partNames, printed } from './parts.js'
import type { PartName } from './results.js'
import { listed, log } from './shared/report.js'

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: partNames.join(',') },
    render: { type: 'boolean', default: false },
  },
})
const wanted = listed(flags.only, partNames)
const chosen = flags.render ? [] : partNames.filter((name) => wanted.includes(name) && exists(name))

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

const took: Array<string> = []
let turn = 0
/** What fails keeps the record of before, and keeps no other from being measured. */
const measure = async (name: PartName): Promise<void> => {
  log(`\n== bench:${name}, ${(turn += 1)} of ${chosen.length}`)
  try {
    const recorded = await measured(name)
    await writeResults({ ...readResults(), [name]: recorded })
    console.log(`\n==== ${name}\n\n${printed(name, readResults())}`)
    took.push(`${name} ${recorded.seconds} s`)
  } catch (error) {
    took.push(`${name} failed`)
    log(String(error))
    process.exitCode = 1
  }
}

const began = performance.now()
for (const name of chosen) await measure(name)
await writeRendered()
if (chosen.length > 0) log(`\n${took.join(', ')}; ${((performance.now() - began) / 60_000).toFixed(1)} minutes in all`)
log('rendered docs/performance.md, its pictures and README.md')

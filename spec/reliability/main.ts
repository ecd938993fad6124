/** `npm run reliability`: writes the tables of docs/reliability.md from the latest results; it refuses what has failed or is not there. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { faultTables, pointTable, problems, rewritten, soakTable } from './page.js'
import { results } from './results.js'
import { cases } from './cases.js'

const path = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url))
const found = results()
const wrong = problems(found, cases)
if (wrong.length > 0) {
  console.error(wrong.join('\n'))
  process.exit(1)
}
const text = rewritten(readFileSync(path, 'utf8'), {
  faults: faultTables(found.faults),
  points: pointTable(found.faults),
  soak: soakTable(found.soaks),
})
writeFileSync(path, await format(text, { ...(await resolveConfig(path)), parser: 'markdown' }))

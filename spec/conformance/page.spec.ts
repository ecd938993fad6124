import { expect, test } from 'vitest'
import { conformance } from 'taskwire/testing'
import { page } from './page.js'
import { recorded } from './results.js'
import { memorySubject } from './subjects.js'

const names = ['memory', 'tcp', 'redis', 'amqp', 'kafka']
const columns = names.flatMap((name) => {
  const results = recorded(name)
  return results === undefined ? [] : [{ name, results }]
})
const missing = names.filter((name) => !columns.some((column) => column.name === name))

// Runs after the cases. Written anew by `npm test -- spec/conformance -u`.
test.skipIf(missing.length > 0 && process.env['REQUIRE_BROKERS'] !== '1')(
  'docs/conformance.md says what the cases came to',
  async () => {
    expect(missing, 'transports whose cases have not run').toEqual([])
    const { capabilities } = memorySubject
    const all = Object.fromEntries(Object.keys(capabilities).map((flag) => [flag, true]))
    const guarantees = conformance({ ...memorySubject, capabilities: { ...capabilities, ...all } })
    await expect(await page(guarantees, columns)).toMatchFileSnapshot('../../docs/conformance.md')
  },
)

/** The dead-letters example, as a process of its own: in memory and on Redis it says the same. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { withBroker } from '../brokers/suite.js'
import { program } from './processes.js'

const page = readFileSync(fileURLToPath(new URL('../../examples/dead-letters/README.md', import.meta.url)), 'utf8')
const [, shown = ''] = /```text\n([^]*?)\n```/.exec(page) ?? []

const told = async (env: NodeJS.ProcessEnv) => program('dead-letters/main.ts', [], env).ended

const expected = { code: 0, out: shown.split('\n'), err: [] }

test('an operator empties the dead letters of a night in memory', async () => {
  expect(await told({ REDIS_URL: undefined })).toEqual(expected)
}, 60_000)

await withBroker('redis', (url) => {
  test('and on Redis', async () => {
    expect(await told({ REDIS_URL: url, PREFIX: `spec-${randomUUID().slice(0, 8)}.` })).toEqual(expected)
  }, 60_000)
})

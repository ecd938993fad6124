/** The soak is a program that takes half an hour; here it shows in short that it works, and that nothing is lost. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { start } from '../brokers/child.js'
import { kinds } from '../brokers/software.js'
import { withOwnBroker } from '../brokers/suite.js'
import type { SoakResult } from '../soak/result.js'

const program = fileURLToPath(new URL('../soak/main.ts', import.meta.url))

for (const kind of kinds)
  await withOwnBroker(kind, () => {
    // n.b. with this seed the broker is killed, the network is a black hole and replicas die within these seconds
    test('a soak of 24 seconds ends with nothing lost, and every call settled', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'taskwire-faults-'))
      onTestFinished(() => rmSync(folder, { recursive: true }))
      const how = ['--broker', kind, '--minutes', '0.4', '--seed', '1000', '--folder', folder]
      const child = start({ file: process.execPath, args: ['--import', 'tsx', program, ...how] })
      onTestFinished(() => child.signal('SIGKILL'))
      const code = await child.ended
      expect(child.output()).toContain('seed 1000')
      const result = JSON.parse(readFileSync(join(folder, `${kind}.json`), 'utf8')) as SoakResult
      expect(result).toMatchObject({ broken: [], passed: true, lost: 0, unsettledCalls: 0, broker: kind, seed: 1_000 })
      expect(result.faults.join('\n')).toMatch(/SIGKILL of the broker/)
      expect(result.faults.join('\n')).toMatch(/black hole/)
      expect(result.confirmed).toBeGreaterThan(1_000)
      expect(result.deadLettered).toBeGreaterThan(10)
      expect(result.redriven).toBeGreaterThan(0)
      expect(result.memory.map(({ startMiB, endMiB }) => startMiB > 0 && endMiB > 0)).toEqual([true, true])
      expect(code).toBe(0)
    }, 600_000)
  })

/** A case: a test named after its guarantee, one history, one judgement, and a file with what it came to. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { page as blank, type Page } from './page.js'
import { subjects, type FaultResult, type Points } from './result.js'
import { sound, verdict } from './verdict.js'
import { until } from './waiting.js'

/** What a case works with. */
export interface Trial {
  readonly page: Page
  /** Notes what is being done to the system. */
  readonly fault: (what: string) => void
  /** Notes something that was measured. */
  readonly figure: (name: string, value: number) => void
  /** Notes at how many points something was killed. */
  readonly points: (points: Points) => void
  /** Waits until everything that was confirmed is handled or set aside; `pull` is called before each look. */
  readonly drained: (pull?: () => void) => Promise<void>
  readonly until: typeof until
}

export interface FaultOptions {
  /** Tells two cases of one number and broker apart in the names of their files. */
  readonly variant?: string
  /** Milliseconds that the case may take. Default 180,000. */
  readonly limitMs?: number
  /** How much the memory of the process may grow, in MiB. Default 256. */
  readonly memoryMiB?: number
}

const folder = fileURLToPath(new URL('../../.tmp/faults/', import.meta.url))

const mebi = 1_048_576

/** Fails unless a history has come to what every one has to. */
export const expectSound = (page: Page): void => {
  expect(verdict(page)).toMatchObject(sound)
}

/** How much the memory of the process grows at most while it is watched. */
const watchMemory = (): { readonly grown: () => number; readonly end: () => void } => {
  const before = process.memoryUsage.rss()
  let most = before
  const look = (): void => void (most = Math.max(most, process.memoryUsage.rss()))
  const timer = setInterval(look, 100)
  return { grown: () => (look(), Math.round((most - before) / mebi)), end: () => clearInterval(timer) }
}

/**
 * A case of the fault suite, as a test: `fault('F01', 'redis', 'what holds, in one sentence', async ({ page }) => ...)`.
 * What `run` leaves in the history is judged when it has resolved.
 */
export const fault = (
  id: `F${number}` | `crash-${string}`,
  broker: keyof typeof subjects,
  guarantee: string,
  run: (trial: Trial) => Promise<void>,
  { variant, limitMs = 180_000, memoryMiB = 256 }: FaultOptions = {},
): void =>
  test(
    `${id} on ${subjects[broker]}: ${guarantee}`,
    async () => {
      const file = `${folder}${[id, broker, ...(variant === undefined ? [] : [variant])].join('-')}.json`
      const page = blank()
      const faults: Array<string> = []
      const figures: Record<string, number> = {}
      let points: Points | undefined
      const began = performance.now()
      const memory = watchMemory()
      const record = (passed: boolean): void => {
        const { emitted, confirmed, handled, buried, duplicates, lost, calls, unsettledCalls } = verdict(page)
        const result: FaultResult = {
          ...{ case: id, broker, guarantee, passed, messages: emitted, confirmed, handled, deadLettered: buried },
          ...{ duplicates, lost, calls, unsettledCalls, faults },
          seconds: Math.round((performance.now() - began) / 100) / 10,
          grownMiB: memory.grown(),
          figures,
          ...points,
        }
        mkdirSync(folder, { recursive: true })
        writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
      }
      rmSync(file, { force: true })
      try {
        await run({
          page,
          fault: (what) => void faults.push(what),
          figure: (name, value) => void (figures[name] = value),
          points: (all) => void (points = all),
          drained: (pull) =>
            until(
              () => `all that was confirmed is handled: ${JSON.stringify(verdict(page))}`,
              () => {
                pull?.()
                return verdict(page).lost === 0
              },
            ),
          until,
        })
        expectSound(page)
        expect(memory.grown(), 'MiB that the memory of this process grew').toBeLessThan(memoryMiB)
        record(true)
      } catch (error) {
        record(false)
        throw error
      } finally {
        memory.end()
      }
    },
    limitMs,
  )

/**
 * A program that is killed at every step of its I/O: a first run tells the steps, and for each of them another run is killed
 * there.
 */
import { randomBytes } from 'node:crypto'
import { openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createClient } from 'taskwire'
import { expect, onTestFinished } from 'vitest'
import { each } from '../../../lib/testing/conformance/emit.js'
import type { Kind } from '../../brokers/software.js'
import { fault, type Trial } from '../fault.js'
import { subjects } from '../result.js'
import { ground } from './ground.js'
import { program } from './program.js'
import { run, type Outcome, type Scenario, type Stage } from './run.js'
import { verbatim } from './scenario.js'
import { textOf, type Step } from './steps.js'
import { transport, type Place } from './transports.js'

/** Runs at once: on Kafka each waits for the session of the one that was killed. */
const atOnce: Readonly<Record<Kind, number>> = { redis: 6, amqp: 6, kafka: 8 }
/** How often it is tried to come to a step that a run has not come to. */
const tries = 3
/** After so many points that were not survived the rest tells nothing new. */
const mostWrong = 5

/** A test of one scenario, on the broker at `url`. */
export const crash = (kind: Kind, url: () => string, scenario: Scenario): void => {
  const { name, variant, guarantee, retryTopics = false } = scenario
  const test = async (trial: Trial): Promise<void> => {
    const place: Place = { kind, url: url(), prefix: `c${randomBytes(6).toString('hex')}.`, retryTopics }
    const { file, remove } = await program()
    onTestFinished(remove)
    const log = join(dirname(file), 'log')
    const lines = openSync(log, 'a')
    const at = await ground(place)
    onTestFinished(() => at.close())
    const client = createClient(transport(place, 'other'), { name: 'caller', serde: verbatim, log: () => undefined })
    onTestFinished(() => client.close())
    const note: Stage['note'] = (line) => void writeSync(lines, `${JSON.stringify(line)}\n`)
    const stage: Stage = { trial, scenario, place, at, client, file, log, note }

    const began = performance.now()
    let runs = 0
    let prepared = 0
    const prepare = async (count: number): Promise<void> => {
      const from = prepared
      prepared += count
      await at.prepare(Array.from({ length: count }, (_, i) => `${name}-${from + i}`))
    }
    const attempt = async (step?: Step): Promise<Outcome> => {
      const n = runs
      runs += 1
      if (n >= prepared) await prepare(1)
      return run(stage, n, `${name}-${n}`, step)
    }
    const first = await attempt()
    if (first.ended.how !== 'over') throw new Error('a victim that is not killed has to come to its end')
    expect(first.wrong, 'what does not hold when nobody is killed').toEqual([])
    // n.b. otherwise a step would be missing: the last of those by which the broker learns what became of events
    if (name !== 'redrive' && name !== 'stop')
      expect(first.again, 'events that the broker gave out though all was done').toBe(0)
    const steps = first.ended.steps
    expect(steps.length, 'steps').toBeGreaterThan(0)
    await prepare(steps.length)

    const wrong: Array<string> = []
    const counts = { points: 0, survived: 0, unreached: 0 }
    await each({ to: steps.length, window: atOnce[kind] }, async (i) => {
      const step = steps[i]
      if (step === undefined || wrong.length >= mostWrong) return
      const point = `SIGKILL ${textOf(step)}`
      try {
        for (let again = 1; again <= tries; again += 1) {
          const outcome = await attempt(step)
          for (const what of outcome.wrong) wrong.push(`${point}: ${what}`)
          if (outcome.ended.how === 'over') continue
          trial.fault([point, ...outcome.late.map((what) => `late: ${what}`)].join(', '))
          counts.points += 1
          if (outcome.wrong.length === 0) counts.survived += 1
          return
        }
        trial.fault(`not reached: ${textOf(step)}`)
        counts.unreached += 1
      } catch (error) {
        trial.fault(point)
        counts.points += 1
        wrong.push(`${point}: ${String(error)}`)
      } finally {
        trial.points({ ...counts })
      }
    })
    const { points, survived, unreached } = counts
    console.log(
      `crash-${name}${variant === undefined ? '' : ` (${variant})`} on ${subjects[kind]}: ` +
        `${points} points, ${survived} survived, ${unreached} not reached; ` +
        `${runs} runs in ${Math.round((performance.now() - began) / 1_000)} s`,
    )
    expect(wrong).toEqual([])
    expect(survived).toBe(points)
    expect(unreached, 'points that no run came to').toBeLessThan(points / 4)
  }
  fault(`crash-${name}`, kind, guarantee, test, {
    limitMs: 360_000,
    ...(variant === undefined ? {} : { variant }),
  })
}

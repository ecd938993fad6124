import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accept, admission } from '../../lib/runtime/admission.js'
import type { Job } from '../../lib/runtime/job.js'

interface Waiting {
  readonly job: Job
  /** How often it was told that it is accepted. */
  told: number
}

const waiting = (): Waiting => {
  const one: { job: Job; told: number } = { job: undefined as never, told: 0 }
  one.job = { admission: 'none', admitted: () => one.told++ } as unknown as Job
  return one
}

describe('admission', () => {
  test('accepts as many as may wait, later ones in order as others leave, each once, whatever leaves when', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.oneof(fc.constant(-1), fc.nat({ max: 20 })), { maxLength: 60 }),
        (limit, steps) => {
          const { waits, leaves } = admission(limit)
          const all: Array<Waiting> = []
          let there: ReadonlyArray<Waiting> = []
          for (const step of steps) {
            if (step < 0) {
              const one = waiting()
              all.push(one)
              there = [...there, one]
              waits(one.job)
            } else {
              const gone = there[step % Math.max(1, there.length)]
              if (gone === undefined) continue
              there = there.filter((one) => one !== gone)
              leaves(gone.job)
              accept(gone.job, 'accepted')
            }
            const accepted = there.filter(({ told }) => told === 1)
            expect(accepted.length).toBe(Math.min(limit, there.length))
            // Nobody is accepted before one that came earlier.
            expect(there.slice(0, accepted.length)).toEqual(accepted)
          }
          expect(all.every((one) => one.told === (there.includes(one) ? Math.min(1, one.told) : 1))).toBe(true)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('asks nothing of what nobody waits for', () => {
    const { waits, leaves } = admission(0)
    const one = waiting()
    one.job.admission = 'accepted'
    waits(one.job)
    leaves(one.job)
    expect([one.told, one.job.admission]).toEqual([0, 'accepted'])
  })
})

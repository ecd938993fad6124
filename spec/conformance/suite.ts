import { afterAll, describe, test } from 'vitest'
import { conformance } from 'taskwire/testing'
import type { Subject } from 'taskwire/testing'
import { record, type Result } from './results.js'

/** Every case of a subject as a test; `limitMs` is how long one may take. */
export const suite = (subject: Subject, limitMs = 60_000): void => {
  describe(`the ${subject.name} transport`, () => {
    const cases = conformance(subject)
    const results = new Map<string, Result>()
    for (const { id, title, support, run } of cases)
      test(
        `${id} ${title}`,
        async () => {
          const result = { id, title, support }
          results.set(id, { ...result, passed: false })
          await run()
          results.set(id, { ...result, passed: true })
        },
        limitMs,
      )
    afterAll(() => {
      if (results.size === cases.length) record(subject.name, [...results.values()])
    })
  })
}

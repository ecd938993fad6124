import { describe, test } from 'vitest'
import { conformance, type Subject } from '../../lib/testing/conformance/index.js'

/** Every case of a subject as a test. `gaps` are cases that fail, and why: their tests fail as soon as they do not. */
export const suite = (subject: Subject, gaps: Readonly<Record<string, string>> = {}): void => {
  describe(`the ${subject.name} transport`, () => {
    for (const { id, title, run } of conformance(subject))
      if (Object.hasOwn(gaps, id)) test.fails(`${id} ${title} (gap: ${gaps[id] ?? ''})`, () => run(), 60_000)
      else test(`${id} ${title}`, () => run(), 60_000)
  })
}

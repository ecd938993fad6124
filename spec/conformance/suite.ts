import { describe, test } from 'vitest'
import { conformance } from 'taskwire/testing'
import type { Examined } from './subjects.js'

/** Every case of a subject as a test. */
export const suite = ({ subject, gaps }: Examined): void => {
  describe(`the ${subject.name} transport`, () => {
    for (const { id, title, run } of conformance(subject))
      if (Object.hasOwn(gaps, id)) test.fails(`${id} ${title} (gap: ${gaps[id] ?? ''})`, () => run(), 60_000)
      else test(`${id} ${title}`, () => run(), 60_000)
  })
}

import { describe, test } from 'vitest'
import { conformance } from '../../lib/testing/conformance/index.js'
import { memorySubject } from './subjects.js'

describe('the memory transport', () => {
  for (const one of conformance(memorySubject)) test(`${one.id} ${one.title}`, () => one.run(), 60_000)
})

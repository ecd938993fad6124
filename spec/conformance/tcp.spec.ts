import { describe, test } from 'vitest'
import { conformance } from '../../lib/testing/conformance/index.js'
import { tcpSubject } from './subjects.js'

describe('the TCP transport', () => {
  for (const one of conformance(tcpSubject)) test(`${one.id} ${one.title}`, () => one.run(), 60_000)
})

import { virtualClock } from 'taskwire/testing'
import { expect, test } from 'vitest'
import { unwritten } from '../../lib/core/unwritten.js'

test('writes are stalled once the oldest of them has not ended for more than 5 s, however often it is tried', async () => {
  const { clock, advance } = virtualClock()
  const { add, remove, stalled } = unwritten(clock)
  const [first, second] = [{}, {}]
  add(first)
  await advance(3_000)
  add(first)
  add(second)
  await advance(2_000)
  expect(stalled()).toBe(false)
  await advance(1)
  expect(stalled()).toBe(true)
  remove(first)
  expect(stalled()).toBe(false)
  await advance(3_000)
  expect(stalled()).toBe(true)
  remove(second)
  expect(stalled()).toBe(false)
})

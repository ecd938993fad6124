/** The window of a partition: what is committed is done, and everything before it. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  emptyWindow,
  finish,
  laneOf,
  nextOf,
  putBack,
  type Entry,
  type Item,
  type Window,
} from '../../../lib/transport/kafka/window.js'

const take = (window: Window, offset: number, endpoints: number, key?: string): void => {
  const message = { offset: String(offset) } as Entry['message']
  const entry: Entry = { offset, message, fields: {}, key, bytes: 1, window, pending: endpoints }
  window.entries.push(entry)
  window.bytes += 1
  window.next = offset + 1
  for (let endpoint = 0; endpoint < endpoints; endpoint++)
    laneOf(window, endpoint).queue.push({
      entry,
      lane: laneOf(window, endpoint),
      attempt: 1,
      firstFailedAt: undefined,
      leads: false,
    })
}

test('in whatever order they end, only a prefix without a gap is committed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 3 }),
      fc.infiniteStream(fc.nat()),
      (gaps, endpoints, chance) => {
        const window = emptyWindow('t', 0, 0)
        const offsets: Array<number> = []
        for (const gap of gaps) offsets.push((offsets.at(-1) ?? -1) + gap)
        for (const offset of offsets) take(window, offset, endpoints)
        const out: Array<Item> = []
        for (let endpoint = 0; endpoint < endpoints; endpoint++)
          for (let item = nextOf(laneOf(window, endpoint)); item !== undefined; item = nextOf(laneOf(window, endpoint)))
            out.push(item)
        expect(out.length).toBe(offsets.length * endpoints)
        const left = new Map(offsets.map((offset) => [offset, endpoints]))
        while (out.length > 0) {
          const [item] = out.splice(chance.next().value % out.length, 1)
          if (item === undefined) break
          finish(item)
          left.set(item.entry.offset, (left.get(item.entry.offset) ?? 0) - 1)
          const first = offsets.find((offset) => (left.get(offset) ?? 0) > 0)
          const before = offsets.filter((offset) => first === undefined || offset < first).at(-1)
          expect(window.done).toBe(before === undefined ? 0 : before + 1)
        }
        expect([window.entries.size(), window.bytes]).toEqual([0, 0])
      },
    ),
  )
})

test('of a key one is out at a time, in order; those of other keys and without a key pass', () => {
  const window = emptyWindow('t', 0, 0)
  const lane = laneOf(window, 0)
  for (const [offset, key] of [
    [0, 'a'],
    [1, 'a'],
    [2, 'b'],
    [3, undefined],
    [4, 'a'],
  ] as const)
    take(window, offset, 1, key)
  const out = [nextOf(lane), nextOf(lane), nextOf(lane), nextOf(lane)]
  expect(out.map((item) => item?.entry.offset)).toEqual([0, 2, 3, undefined])
  const [first] = out
  if (first === undefined) throw new Error('nothing')
  // It comes back for a retry: nothing of its key before that, and nothing new while the lane is held.
  take(window, 5, 1, 'c')
  lane.holds += 1
  expect(nextOf(lane)).toBeUndefined()
  lane.holds -= 1
  putBack(first)
  expect([nextOf(lane), nextOf(lane)].map((item) => item?.entry.offset)).toEqual([0, 5])
  finish(first)
  const second = nextOf(lane)
  expect(second?.entry.offset).toBe(1)
  if (second === undefined) throw new Error('nothing')
  finish(second)
  const third = nextOf(lane)
  expect(third?.entry.offset).toBe(4)
  if (third !== undefined) finish(third)
  expect(lane.keys.has('a')).toBe(false)
  expect(window.done).toBe(2)
})

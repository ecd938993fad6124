/** The judge of the soak is judged: what it must find, it finds. */
import { expect, test } from 'vitest'
import { chance } from './chance.js'
import { ledger } from './ledger.js'
import type { Note } from './notes.js'
import { brokenBounds, memoryOf } from './result.js'

const mebi = 1_048_576

/** Ten minutes of samples, with so many MiB at each second. */
const samples = (mib: (second: number) => number) =>
  Array.from({ length: 300 }, (_, n) => ({
    ...({ what: 'sample', by: 'client', at: n * 2_000, heap: 0 } as const),
    rss: mib(n * 2) * mebi,
  }))

const clean = {
  ...({ broker: 'redis', seed: 1, minutes: 10, messages: 10, confirmed: 10, handled: 9, deadLettered: 1 } as const),
  ...{ duplicates: 3, lost: 0, unheardOf: 0, wronglyBuried: 0, calls: 10, unsettledCalls: 0, answered: 0, repeated: 0 },
  ...{ errors: {}, faults: [], redriven: 0, longestIdleSeconds: 0, drainedAfterSeconds: 1, memory: [] },
}

test('memory is compared between the three tenths after the first and the last three, whatever peaks there were', () => {
  const steady = samples((second) => (second < 60 ? 300 : second % 20 === 0 ? 900 : 100))
  expect(memoryOf('client', steady)).toEqual({ process: 'client', startMiB: 100, endMiB: 100, grownPercent: 0 })
  const leaking = samples((second) => 100 + second / 20)
  expect(memoryOf('client', leaking)).toMatchObject({ startMiB: 107.5, endMiB: 125.5 })
})

test('each bound can be broken; memory is one only where there was time to warm up', () => {
  expect(brokenBounds(clean, [])).toEqual([])
  for (const name of ['lost', 'unheardOf', 'wronglyBuried', 'unsettledCalls', 'repeated'] as const)
    expect(brokenBounds({ ...clean, [name]: 2 }, [])).toEqual([`${name}: 2`])
  const leaking = samples((second) => 100 + second / 20)
  const memory = [memoryOf('client', leaking)]
  expect(brokenBounds({ ...clean, memory }, ['else'])).toEqual([
    expect.stringContaining('the memory of the client has grown'),
    'else',
  ])
  expect(brokenBounds({ ...clean, memory, minutes: 1 }, [])).toEqual([])
  expect(brokenBounds({ ...clean, memory: [memoryOf('client', [])] }, [])).toHaveLength(1)
})

test('a plain request that was run again is counted, one that may be repeated is not', () => {
  const notes: ReadonlyArray<Note> = [
    ...[1, 1, 2, 3, 2, 4].map((id) => ({ what: 'answered', id }) as const),
    { what: 'called', made: 7, unsettled: 1, errors: { TimeoutError: 1 } },
  ]
  const lines = notes.map((note) => JSON.stringify(note))
  const book = ledger(() => lines.splice(0))
  book.read()
  book.read()
  expect(book.answered()).toBe(6)
  expect(book.repeated()).toBe(1)
  expect(book.called()).toEqual({ made: 7, unsettled: 1, errors: { TimeoutError: 1 } })
})

test('a seed chooses the same again, and each name for itself', () => {
  const draw = (seed: number, name: string) => {
    const { next, between, pick } = chance(seed, name)
    return [next(), between(5, 6), pick(['a', 'b', 'c'])]
  }
  expect(draw(1, 'broker')).toEqual(draw(1, 'broker'))
  expect(draw(1, 'broker')).not.toEqual(draw(2, 'broker'))
  expect(draw(1, 'broker')).not.toEqual(draw(1, 'network'))
})

/** The judge of the suite is judged: what it must find, it finds. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { expectSound } from './fault.js'
import { page } from './page.js'
import { verdict } from './verdict.js'

test('what was confirmed and neither handled nor set aside is lost; what was handled again is a duplicate', () => {
  const one = page()
  for (const id of [1, 2, 3, 4]) one.emitted(id)
  for (const id of [1, 2, 3]) one.confirmed(id)
  for (const id of [1, 1, 1, 4, 5]) one.handled(id)
  one.buried(2)
  expect(verdict(one)).toEqual({
    ...{ emitted: 4, confirmed: 3, handled: 3, buried: 1, duplicates: 2, lost: 1, unheardOf: 1 },
    ...{ calls: 0, unsettledCalls: 0 },
  })
  expect(() => expectSound(one)).toThrow()
  one.emitted(5)
  one.handled(3)
  expectSound(one)
})

test('a call that ends after its deadline, or does not end, is unsettled', async () => {
  let now = 0
  const one = page(() => now)
  let answer = (_: string): void => undefined
  const ended = one.call(1_000, () => Promise.resolve('in time'))
  const late = one.call(1_000, () => new Promise<string>((resolve) => (answer = resolve)))
  void one.call(1_000, () => new Promise(() => undefined))
  expect(await ended).toBe('in time')
  expect(one.calls()).toEqual({ made: 3, unsettled: 0 })
  now = 10_000
  expect(one.calls()).toEqual({ made: 3, unsettled: 2 })
  answer('late')
  expect(await late).toBe('late')
  expect(one.calls()).toEqual({ made: 3, unsettled: 2 })
  expect(() => expectSound(one)).toThrow()
})

test('what other processes have written down is taken over once, and half a line only when it is whole', () => {
  const folder = mkdtempSync(join(tmpdir(), 'taskwire-faults-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'log')
  const one = page()
  one.follow(path)
  appendFileSync(
    path,
    '{"what":"started","id":1,"by":"a","attempt":2,"at":3}\n{"what":"handled","id":1,"by":"a"}\n{"wha',
  )
  one.follow(path)
  one.follow(path)
  expect(one.starts).toEqual([{ what: 'started', id: 1, by: 'a', attempt: 2, at: 3 }])
  expect(one.entries).toEqual([{ what: 'handled', id: 1, by: 'a' }])
  appendFileSync(path, 't":"handled","id":2,"by":"b"}\n')
  one.follow(path)
  expect(one.entries.at(-1)).toEqual({ what: 'handled', id: 2, by: 'b' })
})

/** The judge of the runs is judged: what it must find, it finds. */
import { expect, test } from 'vitest'
import { problems, type Fate, type Promised } from './judge.js'
import { bodyOf, headers, type Order } from './scenario.js'

const counted: Promised = { counted: true, twice: false, redriven: false }

const order = (what: Order['do']) => ({ id: 1, do: what, ms: 0 })

const fate = (what: Order['do'], starts: ReadonlyArray<readonly [string, number]>, more: Partial<Fate> = {}): Fate => ({
  order: order(what),
  messageId: 'id',
  starts: starts.map(([by, attempt], at) => ({ id: 1, by, attempt, at })),
  handled: what === 'fail' ? 0 : 1,
  letters: [],
  ...more,
})
const lying = { body: bodyOf(order('fail')), headers, messageId: 'id', attempts: 1 }

const count = (one: Fate, promised = counted): number => problems(one, promised).length

test('what is lost, or in a place where it does not belong, is found', () => {
  expect(count(fate('handle', [['victim', 1]]))).toBe(0)
  expect(problems(fate('handle', [], { handled: 0 }), counted)).toEqual(['id (handle): it is lost'])
  expect(count(fate('fail', [['victim', 1]], { letters: [lying] }))).toBe(0)
  expect(count(fate('fail', [['victim', 1]]))).toBe(1)
  expect(count(fate('fail', [['victim', 1]], { letters: [lying], handled: 1 }))).toBe(1)
  expect(count(fate('handle', [['victim', 1]], { letters: [lying] }))).toBeGreaterThan(0)
})

test('a dead letter that was changed is found', () => {
  const altered = [
    { ...lying, body: JSON.stringify(JSON.parse(lying.body)) },
    { ...lying, headers: { ...headers, more: '' } },
    { ...lying, headers: { empty: '' } },
    { ...lying, attempts: 2 },
  ]
  for (const letter of altered) expect(count(fate('fail', [['victim', 1]], { letters: [letter] }))).toBe(1)
})

test('a start with too low or too high a number is found, as far as the transport promises', () => {
  const twice = { ...counted, twice: true }
  const uncounted = { ...counted, counted: false }
  const starts = (...numbers: ReadonlyArray<number>): Fate =>
    fate(
      'handle',
      numbers.map((n, i) => [i === 0 ? 'victim' : 'after', n] as const),
    )
  expect(count(starts(1, 2))).toBe(0)
  expect(count(starts(2, 3))).toBe(0)
  expect(count(starts(1, 1))).toBe(1)
  expect(count(starts(1, 2, 2))).toBe(1)
  expect(count(starts(1, 4))).toBe(1)
  expect(count(starts(1, 2, 2), twice)).toBe(0)
  expect(count(starts(1, 1), twice)).toBe(1)
  expect(count(starts(1, 1, 2), uncounted)).toBe(0)
  expect(count(starts(1, 1, 1), uncounted)).toBe(1)
  expect(count(starts(1, 1), { ...counted, redriven: true })).toBe(0)
  expect(count(starts(1, 2), { ...counted, redriven: true })).toBe(1)
})

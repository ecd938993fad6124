/** The kit can fail: each of these transports fails the cases it breaks, and no other. */
import { describe, expect, test } from 'vitest'
import { conformance, laterCases } from 'taskwire/testing'
import { duplicates, history, ids, lost, overtaken, unheardOf } from '../../lib/testing/conformance/history.js'
import { memorySubject } from './subjects.js'
import { failing } from './failing.js'
import * as saboteurs from './saboteurs.js'

describe('the kit', () => {
  test('has a case, or the reason why not, for each number from C01 to C42', () => {
    const numbers = [...conformance(memorySubject), ...laterCases].map(({ id }) => id).sort()
    expect(numbers).toEqual(Array.from({ length: 42 }, (_, i) => `C${String(i + 1).padStart(2, '0')}`))
  })

  test('tells what a case has left behind', async () => {
    const [one] = conformance(saboteurs.leaky).filter(({ id }) => id === 'C37')
    await expect(one?.run()).rejects.toThrow('sockets, servers and timers that are left: got {"Timeout":1}')
  })
})

describe('a transport that', () => {
  test('sends requests twice', async () => {
    expect(await failing(saboteurs.stuttering, 'C26')).toEqual(['C15', 'C26', 'C32', 'C34', 'C35', 'C41'])
  }, 60_000)

  test('tells nobody of a cancel', async () => {
    expect(await failing(saboteurs.deaf)).toEqual(['C35'])
  }, 60_000)

  test('changes the order', async () => {
    expect(await failing(saboteurs.unorderly, 'C13')).toEqual(['C12', 'C13', 'C14'])
  }, 60_000)

  test('claims dead letters and drops them', async () => {
    expect(await failing(saboteurs.tidy)).toEqual(['C21', 'C22', 'C23'])
  }, 60_000)

  test('claims to keep events and does not', async () => {
    expect(await failing(saboteurs.boastful)).toEqual(['C06'])
  }, 60_000)

  test('claims less than it does', async () => {
    // n.b. not C24 and C33: without `noHandler` a transport may know it of some patterns, as Kafka does of missing topics
    expect(await failing(saboteurs.modest)).toEqual(['C08', 'C09', 'C35'])
  }, 60_000)
})

describe('a history', () => {
  test('tells what was lost, repeated, unheard of and overtaken', () => {
    const page = history()
    for (const id of [1, 2, 3, 4]) page.emitted(id)
    for (const id of [1, 2, 3]) page.confirmed(id)
    page.handled(2, 'a')
    page.handled(1, 'b')
    page.handled(2, 'b')
    page.handled(9, 'b')
    expect(lost(page)).toEqual([3])
    page.buried(3)
    expect(lost(page)).toEqual([])
    expect(duplicates(page)).toEqual([2])
    expect(unheardOf(page)).toEqual([9])
    expect(overtaken(page)).toEqual({ id: 1, after: 2 })
    expect(overtaken(page, (id) => id)).toBeUndefined()
    expect(ids(page, 'handled', 'b')).toEqual([1, 2, 9])
    expect([page.count('handled'), page.count('buried')]).toEqual([4, 1])
  })
})

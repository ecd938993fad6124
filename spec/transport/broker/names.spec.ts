import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nameOf, textOf, within } from '../../../lib/transport/broker/names.js'

const awkward = fc.string({
  unit: fc.constantFrom('a', 'B', '0', '9', '-', '.', '_', ':', '/', '*', '#', ' ', 'é', '🐙', 'F'),
})
const texts = fc.oneof(awkward, fc.string({ unit: 'grapheme' }))

describe('names on brokers', () => {
  test.each([
    ['user.created', 'user.created'],
    ['user-created', 'user-created'],
    ['users/get', 'users-2Fget'],
    ['a_b', 'a-5Fb'],
    ['a--b', 'a-2D-b'],
    ['a-', 'a-2D'],
    ['a-2Fb', 'a-2D2Fb'],
    ['.a', '-2Ea'],
    ['é', '-C3-A9'],
    ['{"cmd":"sum"}', '-7B-22cmd-22-3A-22sum-22-7D'],
  ])('%s is called %s', (text, name) => {
    expect(nameOf(text)).toBe(name)
  })

  test('a name leads back to its text, so that no two texts share one', () => {
    fc.assert(
      fc.property(texts, (text) => textOf(nameOf(text)) === text),
      { numRuns: 5_000 },
    )
  })

  test('a name holds nothing but letters, digits, dots and single dashes, and does not begin with a dot', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const name = nameOf(text)
        return /^[A-Za-z0-9.-]*$/.test(name) && !name.includes('--') && !/^\.|-$/.test(name)
      }),
      { numRuns: 5_000 },
    )
  })

  test('what is no name has no text', () => {
    for (const name of ['a_b', 'a--b', 'a-', '-41', '.a', 'é', '-FF']) expect(textOf(name)).toBeUndefined()
  })

  test('a long name keeps its beginning and stays apart from others', () => {
    const long = 'x'.repeat(300)
    expect(within(249, 'short')).toBe('short')
    expect(within(249, long)).toMatch(/^x{216}_[0-9a-f]{32}$/)
    expect(within(249, long)).not.toBe(within(249, `${long}y`))
  })
})

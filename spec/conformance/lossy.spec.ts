/** Transports that lose events: in a file of their own, because each case that fails has waited for what never comes. */
import { expect, test } from 'vitest'
import { failing } from './failing.js'
import { forgetful, hasty } from './saboteurs.js'

test('a transport that forgets every tenth event', async () => {
  const expected = 'C01 C04 C07 C09 C10 C11 C12 C13 C14 C15 C16 C19 C20 C40 C41'
  expect(await failing(forgetful, 'C01', 'C10', 'C11', 'C13', 'C16')).toEqual(expected.split(' '))
}, 120_000)

test('a transport that acknowledges before the handler has run', async () => {
  const expected = 'C06 C11 C14 C17 C18 C19 C21 C22 C23 C26 C41'
  expect(await failing(hasty, 'C11', 'C26')).toEqual(expected.split(' '))
}, 120_000)

/** Header tables that are used again hold what belongs to their message, and nothing of another one. */
import { expect, test } from 'vitest'
import { tables } from '../../../lib/transport/amqp/tables.js'

test('headers of the same names go as one object, with their own values', () => {
  const encodable = tables()
  const first = { messageId: '1', headers: { a: '1', b: 'x' } }
  const second = { messageId: '2', headers: { a: '2', b: 'y' } }
  const sent = encodable(first)
  expect(sent).toEqual(first)
  const next = encodable(second)
  expect(next).toEqual(second)
  expect(next.headers).toBe(sent.headers)
  expect(first.headers).toEqual({ a: '1', b: 'x' })
})

test('headers of other names never go as it', () => {
  const encodable = tables()
  const all = [
    { a: '1', b: '2' },
    { a: '3' },
    { b: '4', a: '5' },
    { a: '6', b: '7', c: '8' },
    {},
    { a: '9', b: '10' },
    Object.fromEntries([['constructor', 'c']]),
  ]
  for (const headers of all) expect({ ...encodable({ headers }).headers }).toEqual(headers)
  expect(encodable({ persistent: true })).toEqual({ persistent: true })
})

test('as many names as there are messages leave no more than a few objects', () => {
  const encodable = tables()
  const before = encodable({ headers: { own: '1' } }).headers
  for (let n = 0; n < 100; n++)
    expect({ ...encodable({ headers: { [`h${n}`]: 'v' } }).headers }).toEqual({ [`h${n}`]: 'v' })
  expect(encodable({ headers: { own: '2' } }).headers).not.toBe(before)
})

/** Messages of one reply and of several, whatever their bodies hold. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isCall, pack, unpack } from '../../../lib/transport/redis/reply-message.js'

const heard = (message: string | Buffer): ReadonlyArray<readonly [string, string]> => {
  const all: Array<readonly [string, string]> = []
  unpack(Buffer.from(message), (text, body) => all.push([text, body.toString('hex')]))
  return all
}

test('replies come apart as they were put together', () => {
  const bodies = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 40 }))
  const texts = fc.constantFrom('1 ok', '2 error', '3 failure 17')
  fc.assert(
    fc.property(fc.array(fc.record({ text: texts, body: bodies }), { minLength: 1, maxLength: 5 }), (replies) => {
      const read = heard(pack(replies))
      expect(read.map(([, body]) => body)).toEqual(replies.map(({ body }) => Buffer.from(body).toString('hex')))
      for (const [n, [text]] of read.entries()) expect(text.startsWith(replies[n]?.text ?? '?')).toBe(true)
    }),
  )
})

test('one alone does not say how long it is, and may hold anything', () => {
  expect(pack([{ text: 'a ok', body: '7' }])).toBe('a ok\n7')
  expect(heard('a ok\n\nb ok  9\n')).toEqual([['a ok', Buffer.from('\nb ok  9\n').toString('hex')]])
})

test('what is cut short, or no reply, ends the message', () => {
  expect(heard('a ok  1\nxb ok  3\nxy')).toEqual([['a ok  1', '78']])
  expect(heard('a ok  1\nxb ok  -3\nxy')).toHaveLength(1)
  expect(heard(`a ok  1\nx${'b'.repeat(5_000)}\n`)).toHaveLength(1)
  expect(heard('a ok  1\nxb ok')).toHaveLength(1)
  expect(heard('')).toEqual([])
})

test('a call is repeated only where it cannot be taken for more than itself', () => {
  for (const call of ['1', 'a-b:c', '~']) expect(isCall(call)).toBe(true)
  for (const call of ['', ' ', 'a b', 'a\n', 'ü', 'a'.repeat(201)]) expect(isCall(call)).toBe(false)
})

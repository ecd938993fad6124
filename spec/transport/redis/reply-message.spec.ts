/** Messages of one reply and of several, whatever their bodies hold. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pack, unpack } from '../../../lib/transport/redis/reply-message.js'

const heard = (message: string | Buffer): ReadonlyArray<readonly [unknown, string]> => {
  const all: Array<readonly [unknown, string]> = []
  unpack(Buffer.from(message), (fields, body) => all.push([{ ...fields }, body.toString('hex')]))
  return all
}

test('replies come apart as they were put together', () => {
  const bodies = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 40 }))
  fc.assert(
    fc.property(fc.array(bodies, { minLength: 1, maxLength: 5 }), (all) => {
      const replies = all.map((body, n) => ({ fields: { 'taskwire-call': String(n) }, body }))
      const read = heard(pack(replies))
      expect(read.map(([, body]) => body)).toEqual(all.map((body) => Buffer.from(body).toString('hex')))
      expect(read.map(([fields]) => fields)).toMatchObject(replies.map(({ fields }) => fields))
    }),
  )
})

test('one alone does not say how long it is', () => {
  expect(pack([{ fields: { a: 'b' }, body: '7' }])).toBe('{"a":"b"}\n7')
})

test('what is cut short, or no reply, ends the message', () => {
  const one = '{"taskwire-size":"1"}\nx'
  expect(heard(`${one}{"taskwire-size":"3"}\nxy`)).toEqual([[{ 'taskwire-size': '1' }, '78']])
  expect(heard(`${one}junk\nx`)).toHaveLength(1)
  expect(heard(`${one}{"a":"b"}`)).toHaveLength(1)
  expect(heard('')).toEqual([])
  expect(heard('{}\n')).toEqual([[{}, '']])
})

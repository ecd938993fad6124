import * as t from 'io-ts'
import { event, message } from 'taskwire'
import { describe, expect, test } from 'vitest'

describe('a contract', () => {
  test('of an event is data: pattern, codec, key', () => {
    const codec = t.type({ user: t.string })
    const key = ({ user }: t.TypeOf<typeof codec>) => user
    expect(event('user.created', codec, { key })).toEqual({
      _tag: 'EventContract',
      pattern: 'user.created',
      payload: codec,
      key,
    })
    expect(event({ cmd: 'x' }, codec)).toMatchObject({ pattern: { cmd: 'x' }, key: undefined })
  })

  test('of a message is data: pattern, request, reply and failure', () => {
    const failure = t.literal('no')
    expect(message('get', { request: t.number, reply: t.string, failure })).toEqual({
      _tag: 'MessageContract',
      pattern: 'get',
      payload: t.number,
      reply: t.string,
      failure,
    })
    expect(message(7, { request: t.void })).toEqual({
      _tag: 'MessageContract',
      pattern: 7,
      payload: t.void,
      reply: undefined,
      failure: undefined,
    })
  })
})

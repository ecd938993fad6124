import * as O from 'fp-ts/lib/Option.js'
import { describe, expect, test } from 'vitest'
import { abortContext, abortedBecause, makeContext, nextAttempt } from '../../lib/core/context.js'

const fields = () => ({
  transport: 'memory',
  name: 'memory',
  pattern: 'a',
  messageId: 'm',
  correlationId: 'c',
  causationId: O.none,
  headers: { a: '1' },
  attempt: 1,
  deadline: O.some(5),
})

// The one thing that costs: whether an AbortController was made.
const made = (context: object): boolean =>
  Object.getOwnPropertySymbols(context).some((key) => typeof Reflect.get(context, key) === 'object')

describe('makeContext', () => {
  test('keeps the fields, and takes the object over', () => {
    const given = fields()
    const context = makeContext(given)
    expect(context).toBe(given)
    expect({ ...context }).toMatchObject(fields())
    expect(Object.keys(context)).toEqual(Object.keys(fields()))
  })

  test('makes a signal on first use only, and then always the same', () => {
    const context = makeContext(fields())
    expect(made(context)).toBe(false)
    const { signal } = context
    expect([made(context), context.signal === signal, signal.aborted]).toEqual([true, true, false])
  })

  test('each context has a signal of its own', () => {
    const [one, two] = [makeContext(fields()), makeContext(fields())]
    abortContext(one, 'timeout')
    expect([one.signal.aborted, two.signal.aborted]).toEqual([true, false])
  })

  test('its signal shows in `in`, and not in a spread copy', () => {
    const context = makeContext(fields())
    expect('signal' in context).toBe(true)
    expect('signal' in { ...context }).toBe(false)
    expect(JSON.stringify(context)).toBe(JSON.stringify(fields()))
  })
})

describe('abortContext', () => {
  test('tells those that listen, once, with the reason', () => {
    const context = makeContext(fields())
    const heard: Array<unknown> = []
    context.signal.addEventListener('abort', () => heard.push(context.signal.reason))
    abortContext(context, 'cancelled')
    abortContext(context, 'timeout')
    expect(heard).toEqual(['cancelled'])
    expect(abortedBecause(context)).toBe('cancelled')
  })

  test('before anybody touched the signal makes none; who looks later finds it aborted', () => {
    const context = makeContext(fields())
    abortContext(context, 'stopping')
    abortContext(context, 'cancelled')
    expect([made(context), abortedBecause(context)]).toEqual([false, 'stopping'])
    expect([context.signal.aborted, context.signal.reason]).toEqual([true, 'stopping'])
    expect(abortedBecause(context)).toBe('stopping')
  })

  test('abortedBecause makes no signal and is undefined while nothing happened', () => {
    const context = makeContext(fields())
    expect([abortedBecause(context), made(context)]).toEqual([undefined, false])
    expect([context.signal.aborted, abortedBecause(context)]).toEqual([false, undefined])
  })
})

describe('nextAttempt', () => {
  test('is the same context with another attempt and a fresh signal; the old one stays as it was', () => {
    const context = makeContext(fields())
    const { signal } = context
    abortContext(context, 'timeout')
    const next = nextAttempt(context, 2)
    expect({ ...next }).toMatchObject({ ...fields(), attempt: 2 })
    expect([next.signal.aborted, next.signal === signal, abortedBecause(next)]).toEqual([false, false, undefined])
    expect([context.attempt, context.signal === signal, abortedBecause(context)]).toEqual([1, true, 'timeout'])
    abortContext(next, 'cancelled')
    expect(signal.reason).toBe('timeout')
  })

  test('of a context aborted before its signal was touched is not aborted', () => {
    const context = makeContext(fields())
    abortContext(context, 'deadline')
    expect(nextAttempt(context, 2).signal.aborted).toBe(false)
  })
})

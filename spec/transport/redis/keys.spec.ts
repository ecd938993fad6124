import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventKeys, groupKeys, isReplyChannel, replyChannel, requestKeys } from '../../../lib/transport/redis/keys.js'

const keysOf = (prefix: string, pattern: string, service: string): ReadonlyArray<string> => {
  const { stream, seen } = eventKeys(prefix, pattern)
  const { delayed, retry, dead } = groupKeys(stream, service)
  const requests = requestKeys(prefix, pattern)
  return [stream, seen, delayed, retry, dead, requests.stream, requests.presence]
}

// What Redis Cluster hashes: what stands in the first pair of braces, or else the whole key.
const hashed = (key: string): string => /\{([^}]+)\}/.exec(key)?.[1] ?? key

// Text that looks like what keys are made of.
const text = fc.oneof(
  fc.string({ minLength: 1, unit: 'grapheme' }),
  fc
    .array(fc.constantFrom('a', 'b', ':', '{', '}', '-', '.', 'retry', 'dlq', 'delayed', 'requests', 'seen'), {
      minLength: 1,
      maxLength: 6,
    })
    .map((parts) => parts.join('')),
)

test('keys of two patterns, and of two services, are never the same', () => {
  fc.assert(
    fc.property(text, text, text, text, (pattern, other, service, another) => {
      const all = keysOf('p.', pattern, service)
      expect(new Set(all).size).toBe(all.length)
      if (pattern !== other) for (const key of keysOf('p.', other, another)) expect(all).not.toContain(key)
      else if (service !== another)
        expect(keysOf('p.', other, another).filter((key) => all.includes(key))).toHaveLength(4)
    }),
    { numRuns: 2_000 },
  )
})

test('everything of one pattern lies in one slot of a cluster', () => {
  fc.assert(
    fc.property(text, text, (pattern, service) => {
      expect(new Set(keysOf('p.', pattern, service).map(hashed)).size).toBe(1)
    }),
  )
})

test('a channel of replies is known as one', () => {
  expect(isReplyChannel('p.', replyChannel('p.', '0af7651916cd43dd'))).toBe(true)
  for (const channel of [
    '',
    'replies:a',
    'p.replies:',
    'p.replies:a b',
    'p.replies:a:b',
    'q.replies:a',
    '__keyspace@0__:p.replies:a',
  ])
    expect(isReplyChannel('p.', channel)).toBe(false)
})

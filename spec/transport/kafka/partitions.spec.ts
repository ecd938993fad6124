/** Who gets which partition: keys, members of a group, addresses of replies. */
import fc from 'fast-check'
import kafkajs from 'kafkajs'
import { expect, test } from 'vitest'
import { share } from '../../../lib/transport/kafka/assigner.js'
import { partitionOf } from '../../../lib/transport/kafka/murmur2.js'
import { replyToOf } from '../../../lib/transport/kafka/names.js'

test("a key has the partition that kafkajs' partitioner, and with it Java's, gives it", () => {
  const partition = kafkajs.Partitioners.DefaultPartitioner()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 100 }), (bytes, count) => {
      const key = Buffer.from(bytes)
      const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
        partitionId,
        partitionErrorCode: 0,
        leader: 1,
        replicas: [1],
        isr: [1],
      }))
      expect(partitionOf(key, count)).toBe(partition({ topic: 't', partitionMetadata, message: { key, value: '' } }))
    }),
    // n.b. an empty key is no key to kafkajs
    { examples: [[new Uint8Array([0xff]), 7]], numRuns: 500 },
  )
})

const partitions = (counts: Readonly<Record<string, number>>) => (topic: string) =>
  Array.from({ length: counts[topic] ?? 0 }, (_, i) => i)

test('each partition of each topic goes to one member that subscribes to the topic, and all get about as many', () => {
  const topics = fc.subarray(['a', 'b', 'c', 'd'])
  fc.assert(
    fc.property(fc.array(topics, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 9 }), (wanted, count) => {
      const members = wanted.map((own, i) => ({ memberId: `m${i}`, topics: own }))
      const counts = { a: count, b: 1, c: 2 * count, d: 3 }
      const given = share(members, partitions(counts))
      expect([...given.keys()].sort()).toEqual(members.map(({ memberId }) => memberId).sort())
      for (const [topic, total] of Object.entries(counts)) {
        const owners = members.filter((one) => (given.get(one.memberId)?.[topic] ?? []).length > 0)
        for (const owner of owners) expect(owner.topics).toContain(topic)
        const all = members.flatMap(({ memberId }) => given.get(memberId)?.[topic] ?? []).sort((x, y) => x - y)
        const heard = members.some((one) => one.topics.includes(topic))
        expect(all).toEqual(heard ? Array.from({ length: total }, (_, i) => i) : [])
      }
    }),
  )
})

test('members that subscribe to the same get the same number, but for one', () => {
  const members = ['x', 'y', 'z'].map((memberId) => ({ memberId, topics: ['a', 'b'] }))
  const given = share(members, partitions({ a: 4, b: 6 }))
  const loads = [...given.values()].map((own) => Object.values(own).flat().length)
  expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
})

test('only a partition of the topic of replies is an address', () => {
  const of = (text: string | undefined) => replyToOf(text, 'p.taskwire--replies', 3)
  expect(of('p.taskwire--replies/2')).toBe(2)
  for (const text of [
    undefined,
    '',
    '/',
    'p.taskwire--replies',
    'p.taskwire--replies/',
    'p.taskwire--replies/3',
    'p.taskwire--replies/-1',
    'p.taskwire--replies/1.5',
    'p.taskwire--replies/1e0',
    'p.taskwire--replies/ 1',
    'p.taskwire--replies/1/2',
    'orders/1',
    'other.taskwire--replies/1',
  ])
    expect(of(text)).toBeUndefined()
})

/** Commits of requests that go together. */
import { expect, test } from 'vitest'
import { claims } from '../../../lib/transport/kafka/claims.js'
import type { Offsets } from '../../../lib/transport/kafka/commits.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const recording = () => {
  const sent: Array<{ readonly topics: Offsets['topics']; readonly end: (error?: Error) => void }> = []
  const commit = ({ topics }: Offsets): Promise<void> =>
    new Promise((resolve, reject) => {
      sent.push({
        topics,
        end: (error) => {
          if (error === undefined) resolve()
          else reject(error)
        },
      })
    })
  return { sent, commit }
}

test('what is claimed in one turn goes together, and what comes while that is under way goes next', async () => {
  const { sent, commit } = recording()
  const { claim, idle } = claims()
  const first = Promise.all([claim('a', 0, 5, commit), claim('a', 1, 6, commit), claim('b', 0, 7, commit)])
  await turn()
  const later = claim('a', 0, 9, commit)
  await turn()
  expect(sent.map(({ topics }) => topics)).toEqual([
    [
      {
        topic: 'a',
        partitions: [
          { partition: 0, offset: '5' },
          { partition: 1, offset: '6' },
        ],
      },
      { topic: 'b', partitions: [{ partition: 0, offset: '7' }] },
    ],
  ])
  sent[0]?.end()
  await first
  await turn()
  expect(sent[1]?.topics).toEqual([{ topic: 'a', partitions: [{ partition: 0, offset: '9' }] }])
  sent[1]?.end(new Error('fenced'))
  await expect(later).rejects.toThrow('fenced')
  await idle()
})

test('before a member joins again, what has not been sent is given up: its partition may be another one’s', async () => {
  const { sent, commit } = recording()
  const { claim, drop, idle } = claims()
  const under = claim('a', 0, 5, commit)
  await turn()
  const waiting = claim('a', 0, 9, commit)
  drop()
  await expect(waiting).rejects.toThrow('joins again')
  sent[0]?.end()
  await under
  await idle()
  const fresh = claim('a', 0, 7, commit)
  drop()
  await expect(fresh).rejects.toThrow('joins again')
  await idle()
  expect(sent.length).toBe(1)
})

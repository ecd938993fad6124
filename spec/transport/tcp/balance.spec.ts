/** How calls are spread over the replicas of a service. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createClient, createMicroservice, listen, orThrow } from 'taskwire'
import { tcp } from 'taskwire/tcp'
import { expect, test } from 'vitest'
import { seededRandom } from 'taskwire/testing'

test.each([1, 8])('replicas that are alike share what comes, %i at a time', async (parallel) => {
  const replica = (name: string) =>
    orThrow(
      listen(
        createMicroservice('who')
          .transport(tcp({ port: 0 }))
          .onMessage('who', t.void, () => TE.right(name)),
      ),
    )
  const replicas = await Promise.all([replica('a'), replica('b')])
  const endpoints = replicas.flatMap(({ addresses }) => (addresses['tcp'] === undefined ? [] : [addresses['tcp']]))
  const client = createClient(tcp({ endpoints }), { random: seededRandom(7) })
  await orThrow(client.connect)
  const shares = { a: 0, b: 0 }
  const caller = async (): Promise<void> => {
    for (let i = 0; i < 400 / parallel; i++) {
      const name = await orThrow(client.send('who', undefined, t.union([t.literal('a'), t.literal('b')])))
      shares[name] += 1
    }
  }
  await Promise.all(Array.from({ length: parallel }, caller))
  expect(shares.a + shares.b).toBe(400)
  expect(Math.min(shares.a, shares.b)).toBeGreaterThan(60)
  await client.close()
  await Promise.all(replicas.map(({ stop }) => stop()))
})

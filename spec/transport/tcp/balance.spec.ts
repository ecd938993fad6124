/** How calls are spread over the replicas of a service. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createClient, createMicroservice, listen, orThrow } from 'taskwire'
import { tcp } from 'taskwire/tcp'
import { expect, test } from 'vitest'
import { seededRandom } from 'taskwire/testing'
import { choose } from '../../../lib/transport/tcp/balance.js'
import { callOf } from '../../../lib/transport/tcp/call.js'
import { slots } from '../../../lib/transport/tcp/slots.js'
import { outgoing } from './support.js'

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

test('a replica that was slow once is soon asked again', () => {
  const peer = (name: string, rtt: number) => ({ name, link: () => ({ rtt: () => rtt, inFlight: () => 0 }) })
  const [slow, fast] = [peer('slow', 500), peer('fast', 0.2)]
  const random = seededRandom(7)
  const chosen = Array.from({ length: 4_000 }, () => choose([slow, fast] as never, random))
  const share = chosen.filter((one) => one === (slow as never)).length / chosen.length
  expect(share).toBeGreaterThan(0.04)
  expect(share).toBeLessThan(0.09)

  let now = 0
  const places = slots(4, () => now)
  const took = (ms: number): number | undefined => {
    const id = places.take(callOf('request', outgoing('a', ''), () => undefined, undefined))
    now += ms
    places.release(id)
    return places.rtt()
  }
  expect(took(500)).toBe(500)
  for (let i = 0; i < 10; i++) took(0.2)
  expect(places.rtt()).toBeLessThan(1)
})

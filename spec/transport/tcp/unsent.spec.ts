/** What a call that ends at its deadline says of a message that never left the process. */

import * as t from 'io-ts'
import { createClient, createMicroservice, listen, orThrow } from 'taskwire'
import { tcp, type TcpOptions } from 'taskwire/tcp'
import { afterEach, expect, test } from 'vitest'

const closing: Array<() => Promise<unknown>> = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

const never = () => () => new Promise<never>(() => undefined)
const stuck = async (options: TcpOptions) => {
  const service = createMicroservice('stuck')
    .transport(tcp({ port: 0, ...options }))
    .onMessage('ask', t.unknown, never, { concurrency: 1 })
    .onEvent('tell', t.unknown, never, { concurrency: 1 })
  const running = await orThrow(listen(service, { log: false, drainTimeout: 1, abortGrace: 1 }))
  const client = createClient(tcp({ endpoints: [running.addresses['tcp']!] }))
  closing.push(client.close, running.stop)
  return { client, running }
}

test('a request that waited for credit to the end was waiting for its connection, not for a reply', async () => {
  const { client } = await stuck({ limits: { maxInFlight: 1 } })
  const asked = [1, 2, 3].map((n) => client.send('ask', n, t.unknown, { timeout: 300 })())
  const results = await Promise.all(asked)
  expect(results.map((result) => result._tag === 'Left' && result.left)).toMatchObject([
    { _tag: 'TimeoutError', waitingFor: 'reply' },
    { _tag: 'TimeoutError', waitingFor: 'connection' },
    { _tag: 'TimeoutError', waitingFor: 'connection' },
  ])
})

test('an event that never left is a TimeoutError: its outcome is known', async () => {
  const { running } = await stuck({ endpoints: [{ host: '127.0.0.1', port: 1 }] })
  expect(await running.clients.tcp.emit('tell', 1, { timeout: 200 })()).toMatchObject({
    left: { _tag: 'TimeoutError', waitingFor: 'connection' },
  })
})

test('a server that is full to the end is Overloaded', async () => {
  const { client } = await stuck({ limits: { maxPending: 2 } })
  // n.b. those that fill it stay longer: at their deadline they would make room for the others
  const asked = [1, 2, 3, 4].map((n) => client.send('ask', n, t.unknown, { timeout: n <= 2 ? 2_000 : 400 })())
  const tags = (await Promise.all(asked)).map((result) => result._tag === 'Left' && result.left._tag)
  expect(tags).toEqual(['TimeoutError', 'TimeoutError', 'Overloaded', 'Overloaded'])
})

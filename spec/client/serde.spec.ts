/** A serde of the user's own may do what it likes: calls and services still end in typed values. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createClient, createMicroservice, json, listen, orThrow, type Serde } from 'taskwire'
import { memory } from 'taskwire/memory'
import { expect, test } from 'vitest'

const fails = (): never => {
  throw new Error('secret-marker')
}
const service = (serde: Serde) =>
  createMicroservice('service', { serde })
    .onMessage('echo', t.string, (text) => TE.right(text))
    .onEvent('noted', t.string, () => TE.right(undefined))

const pair = async (server: Serde, caller: Serde) => {
  const transport = memory()
  const logged: Array<string> = []
  const running = await orThrow(listen(service(server).transport(transport), { log: (line) => logged.push(line) }))
  const client = createClient(transport, { serde: caller })
  const ask = client.send('echo', 'text', t.string)
  return { ask, client, logged, stop: () => Promise.all([client.close(), running.stop()]) }
}

test('a serde that throws while it parses a request is an InvalidPayload, and a defect in the log', async () => {
  const { ask, logged, stop } = await pair({ ...json, parse: fails }, json)
  expect(await ask()).toMatchObject({ left: { _tag: 'InvalidPayload' } })
  expect(logged).toHaveLength(1)
  await stop()
})

test('a serde that throws while it serializes a reply is Internal', async () => {
  const { ask, stop } = await pair({ ...json, serialize: fails }, json)
  expect(await ask()).toMatchObject({ left: { _tag: 'Internal' } })
  await stop()
})

test('a serde that throws while it parses a reply is an InvalidReply', async () => {
  const { ask, stop } = await pair(json, { ...json, parse: fails })
  expect(await ask()).toMatchObject({ left: { _tag: 'InvalidReply' } })
  await stop()
})

test('a serde that throws while it serializes a payload is an InvalidPayload, for requests and events', async () => {
  const { ask, client, stop } = await pair(json, { ...json, serialize: fails })
  expect(await ask()).toMatchObject({ left: { _tag: 'InvalidPayload' } })
  expect(await client.emit('noted', 'text')()).toMatchObject({ left: { _tag: 'InvalidPayload' } })
  await stop()
})

test.each([
  ['key', 5],
  ['messageId', 5],
  ['signal', {}],
  ['timeout', NaN],
  ['timeout', '5'],
  ['from', {}],
  ['headers', 'text'],
  ['headers', { a: '\ud800' }],
])('a call whose %s is %j is refused before anything is sent', async (option, value) => {
  const { client, stop } = await pair(json, json)
  const options = { [option]: value } as object
  expect(await client.send('echo', 'text', t.string, options)()).toMatchObject({
    left: { _tag: 'InvalidPayload', issues: [{ path: option }] },
  })
  await stop()
})

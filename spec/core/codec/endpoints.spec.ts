/** Endpoints and clients run on compiled codecs, and say about wrong values what io-ts says. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createClient, createMicroservice, event, listen, message, orThrow } from 'taskwire'
import { memory } from 'taskwire/memory'
import { inject } from 'taskwire/testing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { issuesOf } from '../../../lib/core/issues.js'

const Item = t.type({ sku: t.string, n: t.number })
const request = () => t.strict({ items: t.array(Item) })
const reply = () => t.strict({ total: t.number })
const failure = () => t.strict({ _tag: t.literal('Empty') })

const ready = async () => {
  const contract = message('order.price', { request: request(), reply: reply(), failure: failure() })
  const codecs = [contract.payload, contract.reply, contract.failure] as ReadonlyArray<t.Any>
  const service = createMicroservice('prices').handle(contract, ({ items }) =>
    items.length === 0
      ? TE.left({ _tag: 'Empty' as const, secret: 1 })
      : TE.right({ total: items.reduce((sum, { n }) => sum + n, 0), secret: 1 }),
  )
  const transport = memory()
  const running = await orThrow(listen(service.transport(transport), { log: false }))
  const client = createClient(transport)
  onTestFinished(async () => {
    await client.close()
    await running.stop()
  })
  const asked = () => codecs.flatMap((codec) => (['validate', 'encode', 'decode'] as const).map((name) => vi.spyOn<t.Any, typeof name>(codec, name))) // prettier-ignore
  return { contract, service, client, asked }
}

const items = [{ sku: 'a', n: 1, secret: 1 }]

test('what is valid goes through a service and its client without a call of io-ts', async () => {
  const { contract, client, asked } = await ready()
  const both = async () => [await client.send(contract, { items })(), await client.send(contract, { items: [] })()]
  const before = await both()
  // n.b. only now: a codec with a spy for its `validate` is not what io-ts made
  const spies = asked()
  expect(await both()).toEqual(before)
  expect(before).toEqual([
    { _tag: 'Right', right: { total: 1 } },
    { _tag: 'Left', left: { _tag: 'HandlerFailed', error: { _tag: 'Empty' } } },
  ])
  expect(spies.flatMap((spy) => spy.mock.calls)).toEqual([])
})

test('inject runs on them, too', async () => {
  const { contract, service, asked } = await ready()
  const injected = inject(service)
  const before = await injected.send(contract.pattern)({ items })()
  const spies = asked()
  expect(await injected.send(contract.pattern)({ items })()).toEqual(before)
  expect(before).toEqual({ _tag: 'Right', right: { total: 1 } })
  expect(spies.flatMap((spy) => spy.mock.calls)).toEqual([])
})

test('what is wrong has the issues of io-ts', async () => {
  const { service, client } = await ready()
  const wrong = { items: [{ sku: 1 }, 2] }
  const errors = request().decode(wrong)
  const issues = errors._tag === 'Left' ? issuesOf(errors.left) : []
  expect(issues).toHaveLength(3)
  const refused = { _tag: 'Left', left: { _tag: 'InvalidPayload', issues } }
  expect(await client.send('order.price', wrong, t.unknown)()).toEqual(refused)
  expect(await inject(service).raw('order.price')(wrong)()).toEqual(refused)
})

test('an endpoint keeps the codec that it was given', () => {
  const Seen = t.type({ id: t.string })
  const contract = event('seen', Seen)
  const service = createMicroservice('s').handle(contract, () => TE.right(undefined))
  inject(service)
  expect(service.endpoints[0]?.payload).toBe(Seen)
})

test('a codec given with a call is compiled when it comes again', async () => {
  const { client } = await ready()
  const Total = reply()
  const ask = () => client.send('order.price', { items }, Total)()
  const before = [await ask(), await ask()]
  const spy = vi.spyOn(Total, 'validate')
  expect([await ask(), await ask()]).toEqual(before)
  expect(spy).not.toHaveBeenCalled()
})

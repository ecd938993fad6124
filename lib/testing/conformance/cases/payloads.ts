import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { each } from '../emit.js'
import { left, right, same } from '../expect.js'
import { tap } from '../tap.js'
import { token, type Stage } from '../stage.js'

// One of each kind, made different by its number.
const kinds: ReadonlyArray<(i: number) => unknown> = [
  () => undefined,
  (i) => String.fromCharCode(97 + (i % 26)),
  () => '',
  (i) => 'x'.repeat(65_536 - (i % 7)),
  (i) => `astral 🐙𝒳${String.fromCodePoint(0x1f600 + (i % 64))}`,
  (i) => `lone \ud83d${i} and \udc19`,
  () => null,
  () => false,
  () => 0,
  (i) => i / 3,
  (i) => [i, [null, [], {}]],
  (i) => ({ key: i, value: null, data: { data: 'data' }, pattern: 'payloads', id: '' }),
  (i) => ({ id: i, pattern: { cmd: 'x' }, key: [], '': 'no name', 'ключ🗝': true }),
]
const payload = (i: number): unknown => kinds[i % kinds.length]?.(i)

const roundTrip = async ({ serve, call, until }: Stage): Promise<void> => {
  const seen = new Map<string, unknown>()
  const running = await serve(
    createMicroservice('echo')
      .onMessage('payloads.ask', t.unknown, (value) => TE.right(value), { reply: t.unknown })
      .onEvent('payloads.tell', t.unknown, (value, { headers }) =>
        TE.fromIO(() => void seen.set(headers['n'] ?? '', value)),
      ),
  )
  const client = call([running])
  await each({ to: 1_000, window: 50 }, async (i) => {
    const value = payload(i)
    same(`reply ${i}`, right(`send ${i}`, await client.send('payloads.ask', value, t.unknown)()), value)
    right(`emit ${i}`, await client.emit('payloads.tell', value, { headers: { n: String(i) } })())
  })
  await until(
    () => `all events arrive (${seen.size} of 1,000 did)`,
    () => seen.size === 1_000,
  )
  for (let i = 0; i < 1_000; i++) same(`event ${i}`, seen.get(String(i)), payload(i))
}

const bounds = async ({ serve, call, world }: Stage): Promise<void> => {
  const { maxMessageBytes } = world.transport(token)
  const running = await serve(
    createMicroservice('bounds')
      .onMessage('bounds.ask', t.unknown, (value) => TE.right(value), { reply: t.unknown })
      .onMessage('bounds.make', t.number, (length) => TE.right('x'.repeat(length)), { reply: t.string })
      .onEvent('bounds.tell', t.unknown, () => TE.right(undefined)),
  )
  const client = call([running])
  // Two bytes of each are quotes.
  const largest = 'x'.repeat(maxMessageBytes - 2)
  const umlauts = 'ü'.repeat((maxMessageBytes - 2) / 2)
  const nested = Array.from({ length: 64 }).reduce<unknown>((inner) => [inner], 1)
  for (const value of [largest, umlauts, nested])
    same('what is as large as may be', right('send', await client.send('bounds.ask', value, t.unknown)()), value)
  right('emit of the largest payload', await client.emit('bounds.tell', largest)())
  right('the largest reply', await client.send('bounds.make', maxMessageBytes - 2, t.string)())
  left('a larger reply', await client.send('bounds.make', maxMessageBytes - 1, t.string)(), 'MessageTooLarge')
  for (const value of [`${largest}x`, `${umlauts}x`]) {
    left('a larger request', await client.send('bounds.ask', value, t.unknown)(), 'MessageTooLarge')
    left('a larger event', await client.emit('bounds.tell', value)(), 'MessageTooLarge')
  }
  const cyclic: Array<unknown> = []
  cyclic.push(cyclic)
  for (const value of [[nested], JSON.parse('{"__proto__":{}}'), 10n, cyclic, () => 1])
    left('what cannot be sent', await client.send('bounds.ask', value, t.unknown)(), 'InvalidPayload')
}

const headers: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from({ length: 64 }, (_, i) => [
    `X-Kopf-${i}-aB`,
    i % 3 === 0 ? '' : i % 3 === 1 ? `é ü 日本 🐙 ${i}` : `Value ${i}`,
  ]),
)

const headerRules = async ({ serve, call, callOn, until, world }: Stage): Promise<void> => {
  const seen: Array<unknown> = []
  const running = await serve(
    createMicroservice('headers')
      .onMessage('headers.ask', t.unknown, (_, context) => TE.right({ ...context.headers }), { reply: t.unknown })
      .onEvent('headers.tell', t.unknown, (_, context) => TE.fromIO(() => void seen.push({ ...context.headers }))),
  )
  const client = call([running])
  same('headers of a request', right('send', await client.send('headers.ask', 1, t.unknown, { headers })()), headers)
  right('emit', await client.emit('headers.tell', 1, { headers })())
  await until('the event arrives', () => seen.length === 1)
  same('headers of an event', seen[0], headers)

  let touched = 0
  const watched = tap(world.client([running], token), () => {
    touched += 1
    return {}
  })
  const careful = callOn(watched)
  const refused = [
    { 'taskwire-id': 'x' },
    { 'Taskwire-Id': 'x' },
    { ...headers, 'one-more': '' },
    { '': 'no name' },
    { long: 'x'.repeat(8_192) },
  ]
  for (const one of refused) {
    left(
      'a request with refused headers',
      await careful.send('headers.ask', 1, t.unknown, { headers: one })(),
      'InvalidPayload',
    )
    left('an event with refused headers', await careful.emit('headers.tell', 1, { headers: one })(), 'InvalidPayload')
  }
  same('connections made for refused headers', touched, 0)
}

export const payloads: ReadonlyArray<Guarantee> = [
  {
    id: 'C01',
    title:
      'A thousand mixed payloads arrive as they were sent, the largest possible ones too; larger ones are typed errors.',
    examine: async (stage) => {
      await roundTrip(stage)
      await bounds(stage)
    },
  },
  {
    id: 'C02',
    title: '64 headers arrive with their case, empty and Unicode values; refused headers cause no I/O.',
    examine: headerRules,
  },
]

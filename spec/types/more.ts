/* eslint-disable @typescript-eslint/no-meaningless-void-operator, @typescript-eslint/no-restricted-imports, no-restricted-syntax -- for the type checker alone: nothing here runs */
import * as t from 'io-ts'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither as TE2 } from 'fp-ts/TaskEither'
import { pipe, absurd } from 'fp-ts/lib/function.js'
import {
  createMicroservice,
  createClient,
  createClients,
  event,
  message,
  listen,
  type ClientError,
  type Context,
  type Handler,
  type Microservice,
  type Transport,
  type AnyEndpoint,
} from 'taskwire'
import { tcp } from 'taskwire/tcp'
import { kafka, type KafkaContext } from 'taskwire/kafka'
import { memory } from 'taskwire/memory'
import { amqp } from 'taskwire/amqp'
import { inject, fixtureContext } from 'taskwire/testing'

// a named codec type gives named hovers
interface User {
  readonly id: string
  readonly name: string
}
const User: t.Type<User> = t.type({ id: t.string, name: t.string })
const NotFound = t.type({ _tag: t.literal('NotFound'), id: t.string })
const named = createMicroservice().onMessage('u', t.string, (id) => TE.right({ id, name: '' }), {
  reply: User,
  failure: NotFound,
})
// codecs whose wire type differs, brands, void, never
const Num = new t.Type<number, string, unknown>(
  'Num',
  t.number.is,
  (u, c) => t.string.validate(u, c) as t.Validation<never>,
  String,
)
interface Positive {
  readonly Positive: unique symbol
}
const Pos = t.brand(t.number, (n): n is t.Branded<number, Positive> => n > 0, 'Positive')
const b1 = createMicroservice().onMessage('n', Num, (n) => TE.right(n), { reply: Num })
const b2 = createMicroservice().onMessage('n', Pos, (n) => TE.right(n), { reply: Pos, failure: t.never })
const Infallible = message('x', { request: t.void, reply: t.void, failure: t.never })
const client = createClient(memory())
const v0 = client.send(Infallible, undefined)
const s0 = createMicroservice().handle(Infallible, () => TE.right(undefined))
// async handlers by hand
const h1 = createMicroservice().onMessage('h', t.string, (x) => async () => E.right(x.length))
declare const other: TE2<'e', number>
const h2 = createMicroservice().onMessage('h', t.string, () => other)
// exhaustive handling
const say = (e: ClientError<{ readonly _tag: 'NotFound' }>): string => {
  switch (e._tag) {
    case 'HandlerFailed':
      return e.error._tag
    case 'TimeoutError':
    case 'NoHandler':
    case 'InvalidPayload':
    case 'InvalidReply':
    case 'Internal':
    case 'Unauthorized':
    case 'MessageTooLarge':
    case 'Disconnected':
    case 'Overloaded':
    case 'Cancelled':
    case 'Closed':
    case 'OutcomeUnknown':
    case 'TransportFailed':
    case 'DriverMissing':
      return e._tag
    default:
      return absurd(e)
  }
}
const sayEmit = (e: ClientError<never>): string => {
  switch (e._tag) {
    case 'TimeoutError':
    case 'NoHandler':
    case 'InvalidPayload':
    case 'InvalidReply':
    case 'Internal':
    case 'Unauthorized':
    case 'MessageTooLarge':
    case 'Disconnected':
    case 'Overloaded':
    case 'Cancelled':
    case 'Closed':
    case 'OutcomeUnknown':
    case 'TransportFailed':
    case 'DriverMissing':
      return e._tag
    default:
      return absurd(e)
  }
}
// narrowing the union of HandlerFailed by the error's own tag
const both = (e: ClientError<{ readonly _tag: 'A'; readonly a: 1 } | { readonly _tag: 'B'; readonly b: 2 }>) =>
  e._tag === 'HandlerFailed' ? (e.error._tag === 'A' ? e.error.a : e.error.b) : 0
// a dynamic token
declare const token: string
const dyn = createMicroservice()
  .transport(kafka({ brokers: [], name: token }))
  .onEvent('e', User, (u, c) => TE.right(void c.partition), { on: ['whatever'] })
// transports attached late, where nothing was promised
const late1 = createMicroservice()
  .onEvent('e', User, () => TE.right(undefined))
  .transport(tcp({ port: 1 }))
const late2 = createMicroservice()
  .include(named)
  .transport(tcp({ port: 1 }))
// token lists in variables
const tokens = ['audit', 'tcp'] as const
const k = createMicroservice()
  .transport(tcp({ port: 1 }))
  .transport(kafka({ brokers: [], name: 'audit' }))
  .transport(amqp({ url: '' }))
k.onEvent('e', User, (u, c) => TE.right(undefined), { on: tokens })
// a contract written inline
const inl = k.handle(
  message('m', { request: t.string, reply: User, failure: NotFound }),
  (id, c) => (id === '' ? TE.left({ _tag: 'NotFound' as const, id }) : TE.right({ id, name: '' })),
  { on: ['audit'], timeout: 5, classify: (e) => 'retryable', orderingKey: (p) => p },
)
const evt = k.handle(event('e', User), (u, c) => TE.left('x' as const), { classify: (e) => 'retryable' })
// fixtures
const f1 = fixtureContext()
const f2: Context = fixtureContext({ attempt: 2, headers: { a: '1' } })
// number and enum patterns
enum Topic {
  A = 'a',
  B = 'b',
}
const en = createMicroservice()
  .onMessage(Topic.A, t.string, (x) => TE.right(x))
  .onMessage(7, t.string, (x) => TE.right(1))
  .onMessage({ cmd: 'sum', v: 1 }, t.string, (x) => TE.right(1))
  .onMessage({ cmd: 'sum' }, t.string, (x) => TE.right('two'))
const en1 = inject(en).send(Topic.A),
  en2 = inject(en).send(7),
  en3 = inject(en).send({ v: 1, cmd: 'sum' }),
  en4 = inject(en).send({ cmd: 'sum' })
// a handler's own dependencies, applied partially
const getUser =
  (db: Map<string, User>): Handler<string, { readonly _tag: 'NotFound'; readonly id: string }, User> =>
  (id) =>
    pipe(db.get(id), TE.fromNullable({ _tag: 'NotFound' as const, id }))
const pa = createMicroservice().onMessage('u', t.string, getUser(new Map()), { reply: User, failure: NotFound })
const pb = createMicroservice().onMessage('u', t.string, getUser(new Map()))
// a reply may carry more than its codec says
const wide = createMicroservice().onMessage('u', t.string, () => TE.right({ id: '', name: '', secret: 1 }), {
  reply: User,
})
createClients({ main: tcp({ port: 1 }), audit: kafka({ brokers: [] }) }).main
const anyService: Microservice<Transport, AnyEndpoint> = k

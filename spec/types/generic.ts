/* eslint-disable @typescript-eslint/no-meaningless-void-operator -- for the type checker alone: nothing here runs */
import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import {
  createMicroservice,
  createClient,
  listen,
  message,
  event,
  type Service,
  type Microservice,
  type Transport,
  type AnyEndpoint,
  type OnEvent,
  type OnMessage,
  type EventContract,
  type MessageContract,
  type ClientError,
  type Client,
  type Context,
  type Codec,
  type Pattern,
  type Handler,
} from 'taskwire'
import { tcp, type Tcp } from 'taskwire/tcp'
import { kafka, type Kafka, type KafkaContext } from 'taskwire/kafka'
import { memory } from 'taskwire/memory'
import { inject, fixtureContext } from 'taskwire/testing'
const User = t.type({ id: t.string, name: t.string })
const NotFound = t.type({ _tag: t.literal('NotFound'), id: t.string })
type User = t.TypeOf<typeof User>
type NotFound = t.TypeOf<typeof NotFound>

// interpreters over any service
const start = <T extends Transport, E extends AnyEndpoint>(s: Service<T, E>) =>
  pipe(
    listen(s),
    TE.map((r) => r.clients),
  )
const start2 = (s: Service) => listen(s)
const names = <T extends Transport, E extends AnyEndpoint>(s: Service<T, E>) => [
  s.name,
  ...s.transports.map((x) => x.name),
  ...s.endpoints.map((e) => e.pattern),
]
const tested = <T extends Transport, E extends AnyEndpoint>(s: Service<T, E>) => inject(s)
// combinators
const withHealth = <E extends AnyEndpoint>(s: Service<never, E>) =>
  createMicroservice(s.name)
    .include(s)
    .onMessage('ping', t.void, () => TE.right('pong'))
const withPing = <T extends Transport, E extends AnyEndpoint>(s: Microservice<T, E>) =>
  s.onMessage('ping', t.void, (_, context) => TE.right(context.attempt), { concurrency: 1 })
const withStop = <T extends Transport, E extends AnyEndpoint>(s: Microservice<T, E>) =>
  s.onEvent('stop', t.string, (x, { messageId }) => TE.fromIO(() => void messageId)).use((next) => (d) => next(d))
const transportsOf = <E extends AnyEndpoint>(s: Service<never, E>) =>
  createMicroservice('x')
    .transport(tcp({ port: 1 }))
    .include(s)
const audited = (s: Microservice<Kafka<'audit'>>) =>
  s.onEvent('x', User, (u, c) => TE.right(void c.partition), { on: ['audit'] })
const crud = <const N extends string, A, E, R extends A>(
  name: N,
  codec: Codec<A>,
  get: (id: string) => TE.TaskEither<E, A>,
) =>
  createMicroservice(name)
    .onMessage(`${name}.get`, t.string, (id) => get(id), { reply: codec })
    .onEvent(`${name}.seen` as const, codec, (a) => TE.right(undefined))
const c1 = crud('users', User, (id) => TE.left({ _tag: 'NotFound' as const, id }))
const viaContract = <A, B, F>(c: MessageContract<Pattern, A, B, F>, h: Handler<A, F, B>) =>
  createMicroservice().handle(c, h)
const viaEvent = <A, E>(c: EventContract<'x', A>, h: (a: A) => TE.TaskEither<E, void>) =>
  createMicroservice().handle(c, h)
const ask =
  <A, B, F>(client: Client, c: MessageContract<Pattern, A, B, F>) =>
  (a: A) =>
    client.send(c, a)
const retrying = <F, A>(te: TE.TaskEither<ClientError<F>, A>) =>
  pipe(
    te,
    TE.orElse((e) => (e._tag === 'Overloaded' ? te : TE.left(e))),
  )

const base = createMicroservice('b').onEvent('e', User, () => TE.right(undefined))
const g1 = withHealth(base)
const g2 = withPing(base.onMessage('m', User, (u) => TE.right(u)))
const g3 = withPing(createMicroservice('b').transport(kafka({ brokers: [] })))
const g4 = transportsOf(base)
const g5 = start(g4)
const g6 = start2(g4)
const g7 = tested(g3).send('ping')
const g8 = audited(createMicroservice().transport(kafka({ brokers: [], name: 'audit' })))
names(g3)
const g9 = withStop(g3)
const UsersGet = message('users.get', { request: t.type({ id: t.string }), reply: t.array(User), failure: NotFound })
const client = createClient(memory())
const a1 = ask(client, UsersGet)
const a2 = retrying(client.send(UsersGet, { id: '' }))
const a3 = pipe(
  client.send(UsersGet, { id: '' }),
  TE.mapLeft((e) => e),
  TE.chainW((u) => TE.left('other' as const)),
)
const a4 = pipe(
  client.send(UsersGet, { id: '' }),
  TE.mapLeft((e) => (e._tag === 'HandlerFailed' ? e.error : e)),
)
const fatal = <F>(e: ClientError<F>): F | undefined => (e._tag === 'HandlerFailed' ? e.error : undefined)
const a5 = pipe(client.send(UsersGet, { id: '' }), TE.mapLeft(fatal))
const a6 = pipe(client.emit('x', 1), TE.mapLeft(fatal))
const services: ReadonlyArray<Service> = [base, g3, g4]
const v1 = viaContract(UsersGet, (r, c) => TE.right([]))
// modules as a list
const all = <const M extends ReadonlyArray<Service<never>>>(...ms: M) =>
  ms.reduce<Service<never>>((acc, m) => createMicroservice('all').include(acc).include(m), createMicroservice('all'))
// a handler declared apart with a narrower context
const audit = (u: User, context: KafkaContext<string>): TE.TaskEither<NotFound, void> =>
  context.partition > 0 ? TE.right(undefined) : TE.left({ _tag: 'NotFound', id: u.id })
createMicroservice()
  .transport(kafka({ brokers: [] }))
  .onEvent('x', User, audit)
createMicroservice()
  .transport(tcp({ port: 1 }))
  .transport(kafka({ brokers: [], name: 'audit' }))
  .onEvent('x', User, audit, { on: ['audit'] })
audit(
  { id: '', name: '' },
  fixtureContext({ transport: 'kafka', topic: 't', partition: 1, offset: '0', key: O.none, timestamp: 0 }),
)
// smoke.mjs as TypeScript
const smoke = (store: Map<string, User>, seen: unknown[]) =>
  createMicroservice('users')
    .onEvent('user.created', User, (u) => TE.fromIO(() => void store.set(u.id, u)))
    .onEvent('user.created', t.type({ id: t.string }), () => TE.left({ _tag: 'Boom' }))
    .onEvent('user.*', t.unknown, (u) => TE.fromIO(() => void seen.push(u)))
    .onMessage(
      'users.get',
      t.type({ id: t.string }),
      ({ id }) => (store.has(id) ? TE.right(store.get(id)!) : TE.left({ _tag: 'NotFound', id })),
      { reply: User, failure: NotFound },
    )
    .onMessage({ cmd: 'sum', v: 1 }, t.array(t.number), (xs) => TE.right(xs.reduce((a, b) => a + b, 0)))
    .onMessage('slow', t.number, (ms) => TE.fromTask(() => new Promise((r) => setTimeout(r, ms)).then(() => ms)))
    .onMessage('throws', t.void, () => {
      throw new Error('secret-marker')
    })
    .onMessage('rejects', t.void, () => () => Promise.reject(new Error('secret-marker')))
    .onMessage('undef', t.void, () => TE.right(undefined))
const s0 = smoke(new Map(), [])
const app = createMicroservice('users')
  .transport(tcp({ port: 1, host: '127.0.0.1' }))
  .include(s0)
const i0 = inject(s0)
const i1 = i0.emit('user.created')
const i2 = i0.send({ v: 1, cmd: 'sum' })
const i3 = i0.send('users.get')
const add = <T extends Transport, E extends AnyEndpoint>(s: Microservice<T, E>) => s.include(base)
const add2 = <T extends Transport, E extends AnyEndpoint, E2 extends AnyEndpoint>(
  s: Microservice<T, E>,
  m: Service<never, E2>,
) => s.include(m).include(base)
const r1 = add(g3),
  r2 = add2(g3, base)

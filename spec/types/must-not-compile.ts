/* eslint-disable @typescript-eslint/no-meaningless-void-operator, @typescript-eslint/no-invalid-void-type, @typescript-eslint/no-floating-promises, @typescript-eslint/unbound-method, @typescript-eslint/ban-ts-comment -- for the type checker alone: nothing here runs */
import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  createMicroservice,
  createClient,
  createClients,
  deadLetters,
  event,
  listen,
  message,
  type ClientError,
} from 'taskwire'
import { tcp } from 'taskwire/tcp'
import { kafka, type Kafka, type KafkaContext } from 'taskwire/kafka'
import { amqp } from 'taskwire/amqp'
import { inject } from 'taskwire/testing'

const User = t.type({ id: t.string, name: t.string })
const Order = t.type({ id: t.string, total: t.number })
const NotFound = t.type({ _tag: t.literal('NotFound'), id: t.string })
type User = t.TypeOf<typeof User>
type Order = t.TypeOf<typeof Order>
type NotFound = t.TypeOf<typeof NotFound>
const s = createMicroservice('s')
const k = s.transport(tcp({ port: 1 })).transport(kafka({ brokers: [], name: 'audit' }))
const wantsOrder = (o: Order) => TE.right<never, void>(undefined)
const UsersGet = message('users.get', { request: t.type({ id: t.string }), reply: t.array(User), failure: NotFound })
const UserCreated = event('user.created', User)
const client = createClient(tcp({ port: 1 }))
const user: User = { id: '', name: '' }
const getOrder = (_: unknown): TE.TaskEither<NotFound, { id: string }> => TE.right({ id: '' })

// @ts-expect-error wrong payload type for the codec
s.onEvent('e', User, wantsOrder)
// @ts-expect-error inline, wrong property
s.onEvent('e', User, (u) => TE.right(void u.total))
// @ts-expect-error event handler returning a value (a forgotten inner TaskEither)
s.onEvent('e', User, (u) => TE.right(TE.right(1)))
// @ts-expect-error wrong reply type vs reply codec (inline)
s.onMessage('m', t.void, () => TE.right({ id: 1 }), { reply: User })
// @ts-expect-error wrong reply type vs reply codec (named)
s.onMessage('m', t.void, getOrder, { reply: User, failure: NotFound })
// @ts-expect-error Left type not matching failure (inline)
s.onMessage('m', t.void, () => TE.left({ _tag: 'Boom' as const }), { reply: User, failure: NotFound })
// @ts-expect-error Left (named)
s.onMessage('m', t.void, (): TE.TaskEither<'boom' | NotFound, User> => TE.left('boom'), {
  reply: User,
  failure: NotFound,
})
// @ts-expect-error unknown token
k.onEvent('e', User, (u, c) => TE.right(undefined), { on: ['nope'] })
// @ts-expect-error context.partition without narrowing
k.onEvent('e', User, (u, c) => TE.right(void c.partition))
// @ts-expect-error before any transport
s.onEvent('e', User, (u, c) => TE.right(void c.partition))
// @ts-expect-error inject unknown
inject(s.onMessage('m', t.void, () => TE.right(1))).send('unknown')
// @ts-expect-error inject.send of an event
inject(s.onEvent('e', t.void, () => TE.right(undefined)).onMessage('m', t.void, () => TE.right(1))).send('e')
// @ts-expect-error inject wrong payload
inject(s.onMessage('m', User, () => TE.right(1))).send('m')(1)
// @ts-expect-error client.send wrong payload
client.send(UsersGet, { id: 1 })
// @ts-expect-error client.emit wrong payload
client.emit(UserCreated, { id: '1' })
// @ts-expect-error missing reply codec
client.send('users.get', undefined)
// @ts-expect-error HandlerFailed error of wrong type
const f = (e: ClientError<NotFound>): number => (e._tag === 'HandlerFailed' ? e.error.code : 0)
// @ts-expect-error HandlerFailed error of wrong type
const g: TE.TaskEither<ClientError<{ _tag: 'Other' }>, User[]> = client.send(UsersGet, { id: '' })
// @ts-expect-error late transport
k.onEvent('e', User, () => TE.right(undefined)).transport(amqp({ url: '' }))
// @ts-expect-error handle with wrong handler (message)
s.handle(UsersGet, () => TE.right('x'))
// @ts-expect-error handle with wrong handler (message)
s.handle(UsersGet, (): TE.TaskEither<'boom', User[]> => TE.left('boom'))
// @ts-expect-error handle with wrong handler (message)
s.handle(UserCreated, wantsOrder)
// @ts-expect-error include with transports
s.include(k.onEvent('e', User, () => TE.right(undefined)))
// @ts-expect-error on: []
k.onEvent('e', User, (u, c) => TE.right(undefined), { on: [] })
// @ts-expect-error on without transports
s.onEvent('e', User, (u, c) => TE.right(undefined), { on: ['audit'] })
// @ts-expect-error events take no reply
s.onEvent('e', User, (u, c) => TE.right(undefined), { reply: User })
// @ts-expect-error promise handler
s.onEvent('e', User, async (u) => {})
// @ts-expect-error handler not TE
s.onMessage('m', User, (u) => 1)
// @ts-expect-error send an event contract; emit a message contract
client.send(UserCreated, user)
// @ts-expect-error send an event contract; emit a message contract
client.emit(UsersGet, { id: '' })
const emitFailed = (e: ClientError<never>): boolean =>
  // @ts-expect-error switch on emit errors: HandlerFailed impossible
  e._tag === 'HandlerFailed'
// @ts-expect-error reply needs a codec
client.send('a', 1, (x: unknown) => x as number)
// @ts-expect-error typo in options
s.onMessage('m', User, (u) => TE.right(1), { fialure: NotFound })
// @ts-expect-error readonly reply against t.array
s.onMessage('m', t.void, (): TE.TaskEither<never, ReadonlyArray<User>> => TE.right([]), { reply: t.array(User) })
// @ts-expect-error named handler wants a narrower context
s.onEvent('e', User, (u: User, c: { partition: number }) => TE.right(undefined))
// @ts-expect-error not a codec
s.onEvent('e', { decode: 1 }, () => TE.right(undefined))

const narrow = createMicroservice()
  .transport(kafka({ brokers: [], name: 'audit' }))
  .onEvent('e', User, (u, c) => TE.right(void c.partition), { on: ['audit'] })
// @ts-expect-error the message of a late transport, also after `on`
narrow.transport(tcp({ port: 1 }))
// @ts-expect-error the token `close` is taken by the record itself
createClients({ close: tcp({ port: 1 }) })
// @ts-expect-error declared failure, inline Left of another tag, inline codecs
s.onMessage('m', t.type({ id: t.string }), ({ id }) => (id === '' ? TE.left({ _tag: 'Gone', id }) : TE.right(user)), {
  reply: User,
  failure: NotFound,
})
// @ts-expect-error classify must take what the handler can fail with
s.onEvent('e', User, () => TE.left('x' as const), { classify: (e: 'y') => 'retryable' })
// @ts-expect-error orderingKey must take the payload
s.onEvent('e', User, () => TE.right(undefined), { orderingKey: (p: Order) => p.id })
// @ts-expect-error an event contract declares no reply
s.handle(UserCreated, () => TE.right(1))
// @ts-expect-error a context of another transport
k.onEvent('e', User, (u, c: KafkaContext<string>) => TE.right(undefined), { on: ['tcp'] })
// @ts-expect-error no client for a token that is not attached
listen(k)().then((r) => r._tag === 'Right' && r.right.clients.nope)
// @ts-expect-error a partly known object pattern
inject(s.onMessage({ cmd: 'a', v: 1 }, t.void, () => TE.right(1))).send({ cmd: 'a' })
// @ts-expect-error a stream contract is not there yet, and `reply` is a codec
message('m', { request: t.void, reply: User.decode })

// A definition that needs a transport.
// @ts-expect-error the type argument without the option: handlers without `on` would run elsewhere
createMicroservice<Kafka<'audit'>>('orders')
const orders = createMicroservice<Kafka<'audit'>>('orders', { on: ['audit'] }).onEvent('order.paid', Order, (o, c) =>
  TE.right(void c.partition),
)
// @ts-expect-error attach transport 'audit' before include
s.include(orders)
// @ts-expect-error attach transport 'audit' before include
s.transport(tcp({ port: 1 })).include(orders)
// @ts-expect-error bound to another token than it needs
createMicroservice<Kafka<'audit'>>('orders', { on: ['other'] })
const child = s.onEvent('e', User, () => TE.right(undefined))
// @ts-expect-error include binds only to attached tokens
k.include(child, { on: ['nope'] })

// Dead letters.
const letters = deadLetters(
  k
    .onEvent('a', User, () => TE.right(undefined))
    .onEvent('b', Order, () => TE.right(undefined))
    .onMessage('m', User, (u) => TE.right(u)),
)
// @ts-expect-error unknown token
letters.list({ on: ['nope'] })
// @ts-expect-error a message handler leaves none
letters.redrive({ where: ({ pattern }) => pattern === 'm' })
// @ts-expect-error the payload may not decode
letters.list({ where: ({ payload }) => payload.right.id === '1' })
// @ts-expect-error the payload of another pattern
letters.list({ where: ({ pattern: p, payload: d }) => p === 'a' && d._tag === 'Right' && d.right.total > 1 })
// @ts-expect-error dropping all of them has to be said
letters.purge()
// @ts-expect-error looking changes nothing, so there is nothing to try
letters.list({ dryRun: true })

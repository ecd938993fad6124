/* eslint-disable @typescript-eslint/no-invalid-void-type, @typescript-eslint/no-floating-promises -- for the type checker alone: nothing here runs */
import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { pipe } from 'fp-ts/lib/function.js'
import {
  compileCodec,
  createMicroservice,
  createClient,
  createClients,
  deadLetters,
  event,
  message,
  listen,
  runMain,
  orThrow,
  type Context,
  type Middleware,
} from 'taskwire'
import { tcp } from 'taskwire/tcp'
import { memory } from 'taskwire/memory'
import { redis } from 'taskwire/redis'
import { amqp } from 'taskwire/amqp'
import { kafka, type Kafka } from 'taskwire/kafka'
import { inject, fixtureContext } from 'taskwire/testing'

const User = t.type({ id: t.string, name: t.string })
interface User extends t.TypeOf<typeof User> {}
const Order = t.type({ id: t.string, total: t.number })
interface Order extends t.TypeOf<typeof Order> {}
const NotFound = t.type({ _tag: t.literal('NotFound'), id: t.string })
interface NotFound extends t.TypeOf<typeof NotFound> {}
interface DbError {
  readonly _tag: 'DbError'
}
interface UserRepo {
  save: (u: User) => TE.TaskEither<DbError, void>
  all: () => TE.TaskEither<NotFound, User[]>
}
declare const repo: UserRepo
declare const fakeRepo: UserRepo
declare const save: (o: Order, partition: number) => TE.TaskEither<DbError, void>
declare const middleware: Middleware

// Build
const users = (repo: UserRepo) =>
  createMicroservice('users')
    .onEvent('user.created', User, (user) => repo.save(user))
    .onMessage('users.get', t.void, () => repo.all(), { reply: t.array(User), failure: NotFound })
    .onMessage({ cmd: 'sum' }, t.array(t.number), (xs) => TE.right(xs.reduce((a, b) => a + b, 0)))
const billing = (_db: unknown) =>
  createMicroservice('billing').onEvent('bill.sent', t.string, (s, context) => TE.right(undefined))
const usersService = users(repo)

const app = createMicroservice('app')
  .transport(tcp({ port: 4000 }))
  .transport(kafka({ brokers: ['127.0.0.1:9092'], name: 'audit' }))
  .include(users(repo))
  .include(billing(0))
  .use(middleware)
  .onEvent('order.paid', Order, (order, context) => save(order, context.partition), { on: ['audit'] })

const both = createMicroservice('both')
  .transport(tcp({ port: 4000 }))
  .transport(kafka({ brokers: ['127.0.0.1:9092'], name: 'audit' }))
  .onEvent('a', Order, (order, context) =>
    context.transport === 'kafka' ? save(order, context.partition) : TE.right(undefined),
  )
  .onEvent('b', Order, (order, context) =>
    context.name === 'audit' ? save(order, context.partition) : TE.right(undefined),
  )
  .onEvent('c', Order, (order, context) => save(order, context.partition), {
    on: ['audit'],
    orderingKey: (o) => o.id,
    classify: (e) => (e._tag === 'DbError' ? 'retryable' : 'permanent'),
  })
  .onEvent('d', Order, (order, context) => TE.right(undefined), { on: ['audit', 'tcp'] })

// options
const optioned = createMicroservice('o')
  .onMessage('g', User, (u) => (u.id === 'x' ? TE.right(u) : TE.left({ _tag: 'NotFound', id: u.id })), {
    reply: User,
    failure: NotFound,
    concurrency: 4,
    timeout: 1000,
    deadLetter: true,
  })
  .onMessage('h', User, (u) => (u.id === 'x' ? TE.right(u) : TE.left({ _tag: 'NotFound', id: u.id })))
  .onMessage('i', User, (u) =>
    pipe(
      TE.right(u),
      TE.chainW(() => TE.left({ _tag: 'NotFound', id: u.id } as const)),
    ),
  )
  .onMessage('throws', t.void, () => {
    throw new Error('x')
  })
  .onMessage('rejects', t.void, () => () => Promise.reject(new Error('x')))
  .onMessage('undef', t.void, () => TE.right(undefined))
  .onMessage('many', t.type({ id: t.string }), ({ id }) => repo.all(), {
    reply: t.array(User),
    failure: NotFound,
    classify: (e) => 'retryable',
    orderingKey: (p) => p.id,
  })

// Contract first
export const UserCreated = event('user.created', User)
export const UsersGet = message('users.get', { request: t.void, reply: t.array(User), failure: NotFound })
export const Plain = message('plain', { request: User })
declare const onCreated: (u: User) => TE.TaskEither<DbError, void>
const getUsers = (_: void, context: Context): TE.TaskEither<NotFound, User[]> =>
  context.attempt > 1 ? TE.left({ _tag: 'NotFound', id: '' }) : TE.right([])
const contracted = createMicroservice('users').handle(UserCreated, onCreated).handle(UsersGet, getUsers)
const contracted2 = createMicroservice('users')
  .transport(kafka({ brokers: [] }))
  .handle(UserCreated, (u, c) => repo.save(u))
  .handle(UsersGet, (_, c) => (c.partition > 1 ? TE.left({ _tag: 'NotFound', id: '' }) : TE.right([])), {
    on: ['kafka'],
  })
  .handle(Plain, (u) => TE.left(3))

// Run
const main = async () => {
  const r = await orThrow(listen(app))
  const report = await r.stop()
  r.clients.audit.emit('x', 1)
  r.clients.tcp.emit('x', 1)
  r.status$
  r.outcome$
  r.health
  await runMain(app)
}
const running = listen(app)

// Look after dead letters
const letters = async () => {
  const all = await orThrow(deadLetters(app).list({ on: ['audit'], limit: 10 }))
  for (const letter of all) {
    const token: 'tcp' | 'audit' = letter.name
    const pattern: 'user.created' | 'bill.sent' | 'order.paid' = letter.pattern
    if (letter.payload._tag === 'Left') continue
    const payload: User | string | Order = letter.payload.right
    if (letter.pattern === 'user.created') {
      const { id, name }: User = letter.payload.right
    }
  }
  const selected = await orThrow(
    deadLetters(app).redrive({
      where: (letter) =>
        letter.pattern === 'order.paid' &&
        letter.payload._tag === 'Right' &&
        letter.payload.right.total > 100 &&
        letter.reason._tag === 'AttemptsExhausted',
      dryRun: true,
    }),
  )
  const { redriven, refused, kept }: Readonly<Record<'redriven' | 'refused' | 'kept', number>> = selected
  await orThrow(deadLetters(contracted2).purge({}))
  const wild = deadLetters(
    createMicroservice('w')
      .transport(memory())
      .onEvent('a.*', User, (u) => repo.save(u)),
  )
  const sent: ReadonlyArray<string> = (await orThrow(wild.list())).map(({ pattern }) => pattern)
}

// Call
const brokers = ['']
const client = createClient(tcp({ port: 4000 }))
const c1 = client.send('users.get', undefined, t.array(User), { timeout: 2000 })
const c2 = client.send(UsersGet, undefined)
const c3 = client.send(Plain, { id: '', name: '' })
const user: User = { id: '', name: '' }
const e1 = client.emit('user.created', user)
const e2 = client.emit(UserCreated, user)
const o1 = client.sendAsObservable(UsersGet, undefined)
const o2 = client.sendAsObservable({ cmd: 'sum', v: 1 }, [2, 2], t.number)
client.connect
client.close
client.status$
const cs = createClients({ main: tcp({ port: 4000 }), audit: kafka({ brokers }) })
cs.main.emit('x', 1)
cs.audit.close
cs.close
const p1 = orThrow(client.send({ cmd: 'sum', v: 1 }, [2, 3], t.number))
const folded = pipe(
  c2,
  TE.mapLeft((e) => {
    switch (e._tag) {
      case 'HandlerFailed':
        return e.error.id
      default:
        return e._tag
    }
  }),
)

// Transport options
tcp({ endpoints: [{ host: 'a', port: 1 }] })
memory()
redis({ url: '' })
amqp({ url: ['a', 'b'] })
kafka({ brokers })
const svc: import('taskwire').Service = app
svc.endpoints
svc.middleware
svc.transports
svc.name

// Test
const run = inject(users(fakeRepo))
const r1 = run.emit('user.created')(user)
const r2 = run.send('users.get')(undefined)
const r3 = run.send({ cmd: 'sum' })([1])
const r4 = inject(optioned).send('h')(user)
getUsers(undefined, fixtureContext())()

// A definition that needs a transport: all its handlers are bound to it
const orders = createMicroservice<Kafka<'audit'>>('orders', { on: ['audit'] }).onEvent(
  'order.paid',
  Order,
  (order, context) => save(order, context.partition),
)
const withAudit = createMicroservice('app')
  .transport(tcp({ port: 4000 }))
  .transport(kafka({ brokers, name: 'audit' }))
  .include(orders)
  .include(users(repo), { on: ['tcp'] })

// A compiled codec is the codec, in all of its types
const CompiledUser = compileCodec(User)
const sameCodec: typeof User = CompiledUser
const Day = new t.Type<Date, string, unknown>(
  'Day',
  (u): u is Date => typeof u === 'object',
  (u, c) => (typeof u === 'string' ? t.success(new Date(u)) : t.failure(u, c)),
  (day) => day.toJSON(),
)
const CompiledDay: t.Type<Date, string, unknown> = compileCodec(Day)
const CompiledNumber: t.Type<number, string, string> = compileCodec(
  new t.Type<number, string, string>('N', t.number.is, (text) => t.success(Number(text)), String),
)
const wire: string = CompiledDay.encode(new Date(0))
const around: t.Type<User> = compileCodec(t.exact(CompiledUser))

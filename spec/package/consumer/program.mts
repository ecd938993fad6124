// Type-checked against the packed declarations under nodenext, as ESM.
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createClient, createMicroservice, event, listen, message, orThrow, type ClientError } from 'taskwire'
import { amqp } from 'taskwire/amqp'
import { kafka } from 'taskwire/kafka'
import { memory } from 'taskwire/memory'
import { redis } from 'taskwire/redis'
import { tcp } from 'taskwire/tcp'
import { inject } from 'taskwire/testing'

const User = t.strict({ id: t.string })
const NotFound = t.strict({ _tag: t.literal('NotFound'), id: t.string })
type User = t.TypeOf<typeof User>
type NotFound = t.TypeOf<typeof NotFound>

const Created = event('user.created', User)
const Get = message('users.get', { request: t.string, reply: User, failure: NotFound })

export const bus = memory()

export const service = createMicroservice('users')
  .transport(bus)
  .transport(tcp({ port: 4000, name: 'wire' }))
  .transport(redis())
  .transport(amqp({ url: 'amqp://127.0.0.1' }))
  .transport(kafka({ brokers: ['127.0.0.1:9092'], name: 'audit' }))
  .handle(Created, () => TE.right(undefined))
  .onEvent('user.created', User, (_, { topic }) => (topic === 'users' ? TE.right(undefined) : TE.left(topic)), {
    on: ['audit'],
  })
  .handle(Get, (id) => (id === '' ? TE.left({ _tag: 'NotFound', id }) : TE.right({ id })))
  .onMessage({ cmd: 'sum' }, t.array(t.number), (xs) => TE.right(xs.reduce((a, b) => a + b, 0)))

export const answer: TE.TaskEither<ClientError<NotFound>, User> = createClient(bus).send(Get, '1')

export const main = async (): Promise<void> => {
  const running = await orThrow(listen(service))
  await orThrow(running.clients.wire.emit(Created, { id: '1' }))
  await running.stop()
}

const run = inject(service)
export const sum = run.send({ cmd: 'sum' })([1, 2])

// @ts-expect-error the handler gives a User, not a number
createMicroservice('users').handle(Get, () => TE.right(1))
// @ts-expect-error the contract asks for text
createClient(bus).send(Get, 1)

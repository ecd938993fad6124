import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { listen } from '../../../runtime/listen.js'
import { createClient } from '../../../client/create.js'
import type { Capabilities } from '../../../transport/transport.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { each } from '../emit.js'
import { check, gate, left, right, same } from '../expect.js'
import { refuses, token, type Definition, type Stage } from '../stage.js'
import { tap } from '../tap.js'

const collector = (seen: Array<number>): Definition =>
  createMicroservice('cycle').onEvent('numbers', t.number, (n) =>
    TE.fromIO(() => {
      seen.push(n)
    }),
  )

const cycle = async (stage: Stage): Promise<void> => {
  const { serve, serveOn, call, world, until } = stage
  const seen: Array<number> = []
  const definition = collector(seen)

  // What is never started opens nothing.
  let opened = 0
  let closed = 0
  const counted = (name: string) =>
    tap(world.transport(name), ({ close }) => {
      opened += 1
      return {
        close: async () => {
          closed += 1
          await close()
        },
      }
    })
  listen({ ...definition, transports: [counted('idle')] })
  await createClient(counted('idle')).close()
  same('connections before a start', opened, 0)

  // What is asked for is there, or nothing starts.
  for (const [flag, has] of Object.entries(stage.capabilities) as ReadonlyArray<[keyof Capabilities, boolean]>)
    if (has) await (await serve({ ...definition, options: { require: [flag] } })).stop()
    else await refuses(stage, definition, flag)

  // All transports, or none.
  const failing = {
    ...world.transport('failing'),
    // n.b. the other one loads its driver first
    connect: () => async () => {
      await until('the transport that does not fail connects', () => opened === 1)
      return E.left({ _tag: 'TransportFailed', name: 'failing', message: 'no', cause: undefined } as const)
    },
  }
  const refused = await listen({ ...definition, transports: [counted('good'), failing] }, { log: false })()
  left('listen where one transport fails', refused, 'TransportFailed')
  same('connections that were opened and closed again', [opened, closed], [1, 1])

  // Twice at once: two replicas.
  const [one, two] = await Promise.all([serve(definition), serve(definition)])
  const client = call([one, two])
  await each({ to: 20 }, async (n) => {
    right('emit', await client.emit('numbers', n)())
  })
  await until('both together handle all', () => seen.length >= 20)
  const stopped = await Promise.all(Array.from({ length: 10 }, () => one.stop()))
  for (const report of stopped)
    same('the report of each of ten stops', report, { drained: 0, aborted: 0, unsettled: 0, lost: 0 })
  same('the report of another stop', await one.stop(), stopped[0])
  check(!one.health().ready && two.health().ready, 'one replica stops, the other stays ready')
  right('emit to the replica that stays', await client.emit('numbers', 20)())
  await until('the replica that stays handles it', () => seen.includes(20))
  const own = one.clients[token] ?? stage.callOn(world.transport(token))
  left('emit of a stopped service', await own.emit('numbers', 21)(), 'Closed')
  left('send of a stopped service', await own.send('numbers', 21, t.unknown)(), 'Closed')

  // Again.
  await two.stop()
  const again = await serve(definition)
  const later = call([again])
  right('emit after a restart', await later.emit('numbers', 22)())
  await until('it is handled after a restart', () => seen.includes(22))
  const door = gate()
  let waiting = 0
  const slow = call([
    await serve(
      createMicroservice('slow').onMessage('slow', t.unknown, () => async () => {
        waiting += 1
        await door.passed
        return E.right(1)
      }),
    ),
  ])
  const underWay = Array.from({ length: 50 }, () => slow.send('slow', 1, t.unknown)())
  await until('requests are under way', () => waiting > 0)
  await slow.close()
  for (const result of await Promise.all(underWay)) left('a request of a client that closes', result, 'Closed')
  door.open()
  await Promise.all([later.close(), later.close(), later.close()])
  left('emit of a closed client', await later.emit('numbers', 23)(), 'Closed')
  left('connect of a closed client', await later.connect(), 'TransportFailed')
  same(
    'what was handled',
    [...seen].sort((a, b) => a - b),
    [...Array(21).keys(), 22],
  )
  await serveOn({ ...definition, transports: [world.transport('last')] })
}

export const lifecycle: ReadonlyArray<Guarantee> = [
  {
    id: 'C40',
    title:
      'Not started, started twice, stopped ten times at once, started again: each does what it says, and a stopped service or client is Closed.',
    examine: cycle,
  },
]

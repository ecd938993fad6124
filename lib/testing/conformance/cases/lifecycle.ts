import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { listen } from '../../../runtime/listen.js'
import { createClient } from '../../../client/create.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { each } from '../emit.js'
import { check, gate, left, right, same, turn, turns } from '../expect.js'
import { moreThan, resources } from '../resources.js'
import { token, type Definition, type Stage } from '../stage.js'
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

  // All transports, or none.
  const failing = {
    ...world.transport('failing'),
    connect: () => TE.left({ _tag: 'TransportFailed', name: 'failing', message: 'no', cause: undefined } as const),
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

const flight = 100

const drain = async ({ serve, call, until, patience }: Stage): Promise<void> => {
  const before = resources()
  const door = gate()
  let started = 0
  let ended = 0
  const work = () => async () => {
    started += 1
    await door.passed
    await turn()
    ended += 1
    return E.right(undefined)
  }
  const options = { concurrency: flight }
  const running = await serve(
    createMicroservice('draining')
      .onEvent('event', t.unknown, work, options)
      .onMessage('request', t.unknown, work, options),
    { drainTimeout: 2 * patience },
  )
  const client = call([running])
  const calls = Array.from({ length: flight }, (_, i) => client.send('request', i, t.unknown)())
  await each({ to: flight }, async (i) => {
    right('emit', await client.emit('event', i)())
  })
  await until(
    () => `all are in flight (${started} of ${2 * flight})`,
    () => started === 2 * flight,
  )

  const stopping = running.stop()
  check(!running.health().ready, 'readiness is false from the moment the stop begins')
  const late = await Promise.all([
    client.send('request', -1, t.unknown, { timeout: 200 })(),
    client.emit('event', -1, { timeout: 200 })(),
  ])
  check(E.isLeft(late[0]), 'a request after the stop began was answered')
  same('handlers started after the stop began', started, 2 * flight)
  same('handlers that ended before the door opened', ended, 0)
  door.open()
  for (const one of await Promise.all(calls)) right('a request in flight', one)
  same('the report', await stopping, { drained: 2 * flight, aborted: 0, unsettled: 0, lost: 0 })
  same('handlers that ended', ended, 2 * flight)
  same('handlers that started', started, 2 * flight)
  await client.close()
  await turns()
  same('sockets, servers and timers that are left', moreThan(before, resources()), {})
  await limits({ serve, call, until })
}

/** Handlers that end only when their signal is aborted, and one that never does. */
const limits = async ({ serve, call, until }: Pick<Stage, 'serve' | 'call' | 'until'>): Promise<void> => {
  const door = gate()
  const reasons: Array<unknown> = []
  const running = await serve(
    createMicroservice('limits')
      .onEvent(
        'obeys',
        t.unknown,
        (_, { signal }) =>
          () =>
            new Promise<E.Either<never, void>>((resolve) => {
              signal.addEventListener('abort', () => {
                reasons.push(signal.reason)
                resolve(E.right(undefined))
              })
              reasons.push('started')
            }),
      )
      .onEvent('ignores', t.unknown, () => async () => {
        reasons.push('started')
        await door.passed
        return E.right(undefined)
      }),
    { drainTimeout: 50, abortGrace: 50 },
  )
  const client = call([running])
  for (const pattern of ['obeys', 'obeys', 'ignores']) right('emit', await client.emit(pattern, 1)())
  await until('all are started', () => reasons.length === 3)
  same('the report', await running.stop(), { drained: 0, aborted: 2, unsettled: 1, lost: 0 })
  same('the reasons of the signals', reasons.slice(3), ['stopping', 'stopping'])
  door.open()
}

export const lifecycle: ReadonlyArray<Guarantee> = [
  {
    id: 'C40',
    title:
      'Not started, started twice, stopped ten times at once, started again: each does what it says, and a stopped service or client is Closed.',
    examine: cycle,
  },
  {
    id: 'C41',
    title:
      'A stop with 100 events and 100 requests in flight starts nothing new, settles all of them, and leaves no socket, timer or handle.',
    examine: drain,
  },
]

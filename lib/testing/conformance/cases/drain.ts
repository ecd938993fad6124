import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { each, emitAll } from '../emit.js'
import { check, gate, left, right, same, turn, turns } from '../expect.js'
import { duplicates, history, lost } from '../history.js'
import { moreThan, resources } from '../resources.js'
import type { Stage } from '../stage.js'
import { optionsOf, ways, type Way } from '../ways.js'

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
}

/** Handlers that end only when their signal is aborted, and one that never does. */
const limits = async ({ serve, call, until }: Stage): Promise<void> => {
  const door = gate()
  const reasons: Array<unknown> = []
  const ignores = () => async () => {
    reasons.push('started')
    await door.passed
    return E.right(undefined)
  }
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
      .onEvent('ignores', t.unknown, ignores)
      .onMessage('asked', t.unknown, ignores),
    { drainTimeout: 50, abortGrace: 50 },
  )
  const client = call([running])
  const abandoned = client.send('asked', 1, t.unknown, { timeout: 1_000 })()
  for (const pattern of ['obeys', 'obeys', 'ignores']) right('emit', await client.emit(pattern, 1)())
  await until('all are started', () => reasons.length === 4)
  same('the report', await running.stop(), { drained: 0, aborted: 2, unsettled: 2, lost: 0 })
  same('the reasons of the signals', reasons.slice(4), ['stopping', 'stopping'])
  left('a request whose service gave it up', await abandoned, 'Disconnected', 'TimeoutError')
  door.open()
}

/** Events that were accepted and wait for a slot when the stop begins: drained, or left to the next replica. */
const queued = async ({ serve, call, until }: Stage, way: Way): Promise<void> => {
  const page = history()
  const definition = createMicroservice('queued').onEvent(
    'queued',
    t.number,
    (id) => async () => {
      await turn()
      page.handled(id)
      return E.right(undefined)
    },
    { concurrency: 1, ...(way === 'worked out' ? { orderingKey: (id: number) => String(id % 3) } : {}) },
  )
  const running = await serve(definition)
  await emitAll(call([running]), 'queued', page, { to: 500, options: (id) => optionsOf(way, String(id % 3)) })
  const { unsettled, lost: gone } = await running.stop()
  same('the report', { unsettled, lost: gone }, { unsettled: 0, lost: 0 })
  const next = await serve(definition)
  await until(
    () => `nothing that was accepted is lost in a stop (${page.count('handled')} of 500 are handled)`,
    () => page.count('handled') >= 500,
  )
  same('lost', lost(page), [])
  same('handled twice', duplicates(page), [])
  await next.stop()
}

export const drains: ReadonlyArray<Guarantee> = [
  {
    id: 'C41',
    title:
      'A stop with 100 events and 100 requests in flight starts nothing new, settles all of them, and leaves no socket, timer or handle.',
    examine: async (stage) => {
      await drain(stage)
      await limits(stage)
      for (const way of ways) await queued(stage, way)
    },
  },
]

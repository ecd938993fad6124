import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import type { Client } from '../../../client/client.js'
import type { Context } from '../../../core/context.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { check, gate, right, same } from '../expect.js'
import { token, type Stage } from '../stage.js'

const trace = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7',
  baggage: 'user=%C3%BC,tier=gold',
}

/** A chain of two events and one of two requests. */
const chains = async ({ serve, call, until }: Stage): Promise<void> => {
  const seen = new Map<string, Context>()
  const onward: Array<Client> = []
  const noted = (name: string, context: Context): Client => {
    seen.set(name, context)
    return onward[0] ?? call([])
  }
  const running = await serve(
    createMicroservice('chain')
      .onEvent('first event', t.unknown, (_, context) =>
        noted('first event', context).emit('second event', 1, { from: context }),
      )
      .onEvent('second event', t.unknown, (_, context) =>
        TE.fromIO(() => {
          noted('second event', context)
        }),
      )
      .onMessage('first request', t.unknown, (_, context) =>
        noted('first request', context).send('second request', 1, t.unknown, {
          from: context,
          headers: { own: 'header' },
        }),
      )
      .onMessage('second request', t.unknown, (_, context) =>
        TE.fromIO(() => {
          noted('second request', context)
        }),
      ),
  )
  const client = call([running])
  onward.push(client)
  const headers = { ...trace, private: 'to the first' }
  right('emit', await client.emit('first event', 1, { headers })())
  right('send', await client.send('first request', 1, t.unknown, { headers })())
  await until('both chains are through', () => seen.size === 4)
  for (const kind of ['event', 'request']) {
    const first = seen.get(`first ${kind}`)
    const second = seen.get(`second ${kind}`)
    check(first !== undefined && second !== undefined, `both ${kind}s arrive`)
    same(`headers of the first ${kind}`, { ...first.headers }, headers)
    same(`headers of the second ${kind}`, { ...second.headers }, kind === 'event' ? trace : { ...trace, own: 'header' })
    check(first.messageId !== '' && first.messageId !== second.messageId, `each ${kind} has an id of its own`)
    same(`the correlation id of the first ${kind}`, first.correlationId, first.messageId)
    same(`the correlation id of the second ${kind}`, second.correlationId, first.correlationId)
    same(`the causation id of the second ${kind}`, second.causationId, { _tag: 'Some', value: first.messageId })
    same(`the causation id of the first ${kind}`, first.causationId, { _tag: 'None' })
    same(`the attempt of each ${kind}`, [first.attempt, second.attempt], [1, 1])
  }
}

const readiness = async ({ serve, call, until, world }: Stage): Promise<void> => {
  const door = gate()
  // n.b. an outage may bring those back that were not settled before it
  const started = new Set<number>()
  const running = await serve(
    createMicroservice('ready').onEvent(
      'work',
      t.number,
      (n) => async () => {
        started.add(n)
        await door.passed
        return E.right(undefined)
      },
      { concurrency: 2, timeout: 50, retry: () => ({ _tag: 'None' }) },
    ),
  )
  const client = call([running])
  const states: Array<string> = []
  running.status$.subscribe(({ name, status }) => states.push(`${name} ${status}`))
  check(running.health().ready, 'a running service is ready')
  same('the status of a running service', running.health().transports, { [token]: 'ready' })
  for (const n of [1, 2]) right('emit', await client.emit('work', n)())
  await until(
    'readiness is false while every slot is held by a handler that ignores its signal',
    () => started.size === 2 && !running.health().ready,
  )
  same('the status of such a service', running.health().transports, { [token]: 'stuck' })
  door.open()
  await until('readiness is true again when they have ended', () => running.health().ready)
  if (world.outage !== undefined) {
    const mend = await world.outage()
    await until('readiness is false without a broker', () => !running.health().ready)
    await mend()
    await until('readiness is true when the broker is back', () => running.health().ready)
    right('emit after the outage', await client.emit('work', 3)())
    await until('what is emitted after the outage is handled', () => started.has(3))
  }
  await running.stop()
  same('readiness after the stop', running.health(), { ready: false, transports: { [token]: 'closed' } })
  same('the first and the last status', [states[0], states.at(-1)], [`${token} ready`, `${token} closed`])
}

export const tracing: ReadonlyArray<Guarantee> = [
  {
    id: 'C42',
    title:
      'Trace headers, correlation and causation ids go on over events and requests; readiness tells whether a service takes work.',
    examine: async (stage) => {
      await chains(stage)
      await readiness(stage)
    },
  },
]

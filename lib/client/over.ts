/** A client over a source of connections. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { Observable } from 'rxjs'
import { freshId } from '../core/clock.js'
import type { ClientError, ConnectError } from '../core/error.js'
import { json, type Serde } from '../core/serde.js'
import type { Connection, Environment, Status, Transport } from '../transport/transport.js'
import { calls, type Call, type Source } from './calls.js'
import type { Client } from './client.js'
import { compiledOnReturn, outgoing, routes, type Reply, type Route } from './message.js'
import { noOptions, type SendOptions } from './options.js'
import { resultOf } from './reply.js'

type Result = Either<ClientError<unknown>, unknown>

/** What a client stands on beside its connections. */
export interface Foundation extends Source {
  readonly status$: Observable<Status>
  readonly connect: TaskEither<ConnectError, void>
  /** Releases the connection, where it belongs to this client. */
  readonly release: Task<void>
}

// A call's later arguments: with a contract the options, with a pattern the codec and then the options.
const codecOf = (third: object | undefined): Reply | undefined =>
  third !== undefined && 'decode' in third ? (third as Reply) : undefined

// An event is emitted for good: its cause may be over before it is accepted.
const signalOf = ({ signal, from }: SendOptions, kind: 'request' | 'publish'): AbortSignal | undefined => {
  const inherited = kind === 'request' ? from?.signal : undefined
  return signal === undefined || inherited === undefined ? (signal ?? inherited) : AbortSignal.any([signal, inherited])
}

/** The calls of a client, over what it stands on. */
export const clientOn = (foundation: Foundation, transport: Transport, env: Environment, serde: Serde): Client => {
  const underWay = calls(foundation, env, (to: Route, answer): Result => resultOf(to, serde, answer))
  const route = routes()
  const compiled = compiledOnReturn()
  const { maxMessageBytes } = transport
  const encoding = { serde, maxMessageBytes, freshId: () => freshId(env.random) }

  const run = (
    to: Route,
    payload: unknown,
    options: SendOptions,
    kind: 'request' | 'publish',
    done: (result: Result) => void,
  ): Call<Route, Result> | undefined => {
    const now = env.clock.now()
    const message = outgoing(to, payload, options, kind, now, encoding)
    if (message._tag === 'Left') {
      done(message)
      return undefined
    }
    return underWay.start(kind, message.right, signalOf(options, kind), now, to, done)
  }

  const request = (
    to: unknown,
    payload: unknown,
    third: object | undefined,
    fourth: SendOptions | undefined,
    done: (result: Result) => void,
  ): Call<Route, Result> | undefined => {
    const reply = codecOf(third)
    return reply === undefined
      ? run(route(to), payload, third ?? fourth ?? noOptions, 'request', done)
      : run({ ...route(to), reply: compiled(reply) }, payload, fourth ?? noOptions, 'request', done)
  }

  // n.b. one promise for each call, and no TaskEither operator: see the notes on the hot path in core/dispatch.ts
  const send =
    (to: unknown, payload: unknown, third?: object, fourth?: SendOptions): TaskEither<ClientError<unknown>, unknown> =>
    () =>
      new Promise((resolve) => {
        request(to, payload, third, fourth, resolve)
      })

  const sendAsObservable = (to: unknown, payload: unknown, third?: object, fourth?: SendOptions): Observable<unknown> =>
    new Observable((subscriber) => {
      const call = request(to, payload, third, fourth, (result) => {
        if (result._tag === 'Left') subscriber.error(result.left)
        else {
          subscriber.next(result.right)
          subscriber.complete()
        }
      })
      return () => {
        if (call !== undefined) underWay.cancel(call)
      }
    })

  const emit =
    (to: unknown, payload: unknown, options: SendOptions = noOptions): TaskEither<ClientError<unknown>, unknown> =>
    () =>
      new Promise((resolve) => {
        run(route(to), payload, options, 'publish', resolve)
      })

  let closing: Promise<void> | undefined
  const close: Task<void> = () =>
    (closing ??= foundation.release().then(() => {
      underWay.close()
    }))

  // The one cast: the erased functions above are what the interface's overloads say.
  return Object.freeze({
    send,
    sendAsObservable,
    emit,
    connect: foundation.connect,
    close,
    status$: foundation.status$,
  }) as Client
}

/** The client of a running service: it shares the service's connection, and leaves it open. */
export const clientOver = (connection: Connection, transport: Transport, env: Environment, serde = json): Client =>
  clientOn(
    {
      current: () => connection,
      open: () => Promise.resolve(E.right(connection)),
      status$: connection.status$,
      connect: connection.warm,
      release: () => Promise.resolve(),
    },
    transport,
    env,
    serde,
  )

/** Clients that own their connections. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'
import { BehaviorSubject, map, merge, type Observable } from 'rxjs'
import { freshId, realClock, secureRandom, type Clock, type Random } from '../core/clock.js'
import type { ConnectError } from '../core/error.js'
import { json, type Serde } from '../core/serde.js'
import type { Connection, Environment, Status, Transport } from '../transport/transport.js'
import type { Client } from './client.js'
import { clientOn } from './over.js'

export interface ClientOptions {
  /** The name of the program that calls, where a transport wants one. */
  readonly name?: string
  /** Time. Default: the machine's. */
  readonly clock?: Clock
  /** Chance. Default: the platform's cryptographic source. */
  readonly random?: Random
  /** The format of bodies. Default JSON. */
  readonly serde?: Serde
  /** Takes one line for each trouble of the transport. Default: nothing is logged. */
  readonly log?: (line: string) => void
}

/**
 * A client over a transport. Lazy: nothing is opened before the first call or `connect`.
 * Close it when the program is done with it, or the connection keeps the process alive.
 */
export const createClient = (transport: Transport, options: ClientOptions = {}): Client => {
  const { name = '', clock = realClock, random = secureRandom(), serde = json, log = () => undefined } = options
  const env: Environment = { clock, random, group: name, instance: freshId(random), log }
  const status$ = new BehaviorSubject<Status>('connecting')
  let connection: Connection | undefined
  let opening: Promise<Either<ConnectError, Connection>> | undefined
  let closed = false

  const failed = (message: string, cause?: unknown): Either<ConnectError, never> =>
    E.left({ _tag: 'TransportFailed', name: transport.name, message, cause })

  const connect = async (): Promise<Either<ConnectError, Connection>> => {
    const [problem] = transport.problems
    if (problem !== undefined) return failed(`${problem.option} must be ${problem.expected}`)
    const opened = closed
      ? failed('the client is closed')
      : await Promise.resolve(env)
          .then((given) => transport.connect(given)())
          .catch((cause: unknown) => failed('failed to connect', cause))
    opening = undefined
    if (E.isLeft(opened)) return opened
    if (closed) {
      await opened.right.close()
      return failed('the client is closed')
    }
    connection = opened.right
    connection.status$.subscribe((status) => {
      if (status !== status$.value) status$.next(status)
    })
    return opened
  }
  const open = (): Promise<Either<ConnectError, Connection>> => (opening ??= connect())

  return clientOn(
    {
      current: () => connection,
      open,
      status$: status$.asObservable(),
      connect: async () => {
        const opened = connection === undefined || closed ? await open() : E.right(connection)
        return E.isLeft(opened) ? opened : opened.right.warm()
      },
      release: async () => {
        closed = true
        await connection?.close()
        if (status$.value !== 'closed') status$.next('closed')
        status$.complete()
      },
    },
    transport,
    env,
    serde,
  )
}

/** Clients by token, and one `close` for all of them. */
export type Clients<N extends string> = { readonly [K in N]: Client } & {
  /** Closes every client. */
  readonly close: Task<void>
  /** Connects every client; answers with the first trouble. */
  readonly connect: Client['connect']
  /** The status of each client's connection, the current ones first; completes once all are closed. */
  readonly status$: Observable<{ readonly name: N; readonly status: Status }>
}

/** The keys of a record of clients that mean something else. */
export interface Reserved {
  readonly close?: 'close is taken by the record of clients itself'
  readonly connect?: 'connect is taken by the record of clients itself'
  readonly status$?: 'status$ is taken by the record of clients itself'
}

/** A client for each transport of a record; the key is the token, whatever `name` says. */
export const createClients = <R extends { readonly [token: string]: Transport } & Reserved>(
  transports: R,
  options: ClientOptions = {},
): Clients<keyof R & string> => {
  const entries = Object.entries<Transport>(transports).map(
    ([token, transport]) => [token, createClient({ ...transport, name: token }, options)] as const,
  )
  const clients = entries.map(([, client]) => client)
  return Object.freeze({
    ...Object.fromEntries(entries),
    close: async () => {
      await Promise.all(clients.map((client) => client.close()))
    },
    connect: async () => {
      const all = await Promise.all(clients.map((client) => client.connect()))
      return all.find(E.isLeft) ?? E.right(undefined)
    },
    status$: merge(...entries.map(([name, client]) => client.status$.pipe(map((status) => ({ name, status }))))),
  }) as unknown as Clients<keyof R & string>
}

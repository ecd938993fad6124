/** Listens, accepts connections, looks after them, and stops. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import type { Deliver } from '../../core/delivery.js'
import type { TransportFailed } from '../../core/error.js'
import type { Address, Environment, Subscription } from '../transport.js'
import type { TcpContext } from './context.js'
import { reasonOf, transportFailed } from './failing.js'
import { closeCode } from './frame.js'
import type { CloseCode } from './frame.js'
import { pending, receiving } from './house.js'
import type { House } from './house.js'
import { frameLimit, tickInterval } from './limits.js'
import { throttled } from './log.js'
import type { Settings } from './options.js'
import { places } from './places.js'
import type { Occupy } from './places.js'
import { routing } from './route.js'
import { session } from './session.js'
import type { Session } from './session.js'
import { ticker } from './tick.js'
import { wireOf } from './wire.js'
import { slabs } from './writer.js'

/** A server that listens. */
export interface Listening {
  readonly address: Address
  /** Takes no connection and no message any more; what was accepted goes on. */
  readonly drain: () => void
  /** Events that were accepted and will not be handled; complete once it is closed. */
  readonly lost: () => number
  /** Resolves when every socket is closed, the listening one included. */
  readonly close: () => Promise<void>
}

const alpn = 'msg1'

// n.b. the socket of a TLS connection is another object than the one that arrived; the ports of both are the same
const portOf = (socket: Socket): string => `${socket.remoteAddress ?? ''}:${String(socket.remotePort)}`

const certificateOf = (socket: Socket): (() => PeerCertificate | undefined) => {
  // n.b. only TLS sockets have the method, and without a certificate it answers an empty object
  const { getPeerCertificate } = socket as Partial<TLSSocket>
  return () => {
    const found = getPeerCertificate?.call(socket)
    return found === undefined || Object.keys(found).length === 0 ? undefined : found
  }
}

// n.b. what is wrong with a certificate that is refused is told by the socket alone, and as text, whatever its type says
const refusedFor = (error: Error, { authorizationError: wrong }: TLSSocket): string =>
  typeof (wrong as unknown) === 'string' ? String(wrong) : reasonOf(error)

const nowhere: Occupy = () => () => undefined

/** Starts listening; resolves when connections are taken. Never rejects. */
export const listen = (
  settings: Settings,
  environment: Environment,
  subscriptions: ReadonlyArray<Subscription>,
  deliver: Deliver<TcpContext<string>>,
): Promise<Either<TransportFailed, Listening>> => {
  const { limits, tls } = settings
  const sessions = new Map<Socket, Session>()
  const sockets = new Set<Socket>()
  const handshaking = new Map<string, { readonly socket: Socket; readonly occupy: Occupy }>()
  const room = places(limits.maxConnections, limits.maxConnectionsPerAddress)
  const lost = new Map<string, number>()
  let draining = false
  let stopped: Promise<unknown> = Promise.resolve()
  const logs = throttled(settings.name, environment.clock, environment.log)
  const log = logs.line

  const ticks = ticker(environment.clock, tickInterval(limits), (time) => {
    for (const one of sessions.values()) one.check(time)
    shared.tidy()
  })
  const shared = slabs()

  const house: House = {
    settings,
    environment: { ...environment, log },
    slabs: shared,
    time: ticks.time,
    subscriptions,
    deliver,
    route: routing(subscriptions),
    pending: pending(limits.maxPending, limits.maxPendingBytes),
    receiving: receiving(Math.max(limits.maxPendingBytes, frameLimit(limits) + 4)),
    draining: () => draining,
    lost: (endpoint) => {
      lost.set(endpoint, (lost.get(endpoint) ?? 0) + 1)
    },
  }

  // A connection whose handshake is over (TLS), or that needs none.
  const converse = (socket: Socket, occupy: Occupy): void => {
    const one = session(
      house,
      wireOf(() => socket),
      {
        remoteAddress: socket.remoteAddress ?? '',
        certificate: certificateOf(socket),
        occupy,
      },
    )
    sessions.set(socket, one)
    socket.setNoDelay(true)
    socket.on('data', one.receive)
    socket.on('drain', one.drained)
    socket.on('close', () => {
      sessions.delete(socket)
      one.gone()
    })
    if (draining) one.drain()
  }

  // Every socket, before its TLS handshake: one address cannot take all the places.
  const arrive = (socket: Socket): void => {
    const address = socket.remoteAddress ?? ''
    socket.on('error', () => undefined)
    if (draining) return refuse(socket, closeCode.draining, 'the server is stopping')
    const occupy = room.take(address)
    if (occupy === undefined) {
      log(`${settings.name}: refused a connection of ${address}: too many`)
      return refuse(socket, closeCode.tooManyConnections, 'too many connections')
    }
    ticks.start()
    sockets.add(socket)
    const leave = occupy()
    const key = portOf(socket)
    socket.on('close', () => {
      sockets.delete(socket)
      handshaking.delete(key)
      if (sockets.size === 0) ticks.stop()
      leave()
    })
    if (tls === undefined) converse(socket, occupy)
    else handshaking.set(key, { socket, occupy })
  }

  const refuse = (socket: Socket, code: CloseCode, reason: string): void => {
    if (tls !== undefined) {
      socket.destroy()
      return
    }
    session(
      house,
      wireOf(() => socket),
      { remoteAddress: socket.remoteAddress ?? '', certificate: () => undefined, occupy: nowhere },
    ).fail(code, reason)
    socket.destroySoon()
  }

  const failed = (error: unknown): Either<TransportFailed, never> =>
    E.left(
      transportFailed(
        settings.name,
        `cannot listen on ${settings.host}:${String(settings.port)} (${reasonOf(error)})`,
        error,
      ),
    )

  const open = (): Server =>
    tls === undefined
      ? createServer()
      : createTlsServer(
          { minVersion: 'TLSv1.2', ALPNProtocols: [alpn], handshakeTimeout: limits.helloTimeout, ...tls },
          (socket) => {
            socket.on('error', () => undefined)
            const found = handshaking.get(portOf(socket))
            handshaking.delete(portOf(socket))
            converse(socket, found?.occupy ?? nowhere)
          },
        )
  // n.b. a key or certificate that cannot be read throws here
  const opened = E.tryCatch(open, (error) => error)
  if (E.isLeft(opened)) return Promise.resolve(failed(opened.left))
  const server = opened.right
  server.maxConnections = limits.maxConnections
  server.on('connection', arrive)
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    const from = socket.remoteAddress === undefined ? '' : `of ${socket.remoteAddress} `
    log(`${settings.name}: a TLS handshake ${from}failed (${refusedFor(error, socket)})`)
  })

  const drain = (): void => {
    if (draining) return
    draining = true
    stopped = new Promise((done) => server.close(done))
    for (const one of sessions.values()) one.drain()
  }

  const total = (): number => [...lost.values()].reduce((sum, count) => sum + count, 0)

  const report = (): void => {
    const each = [...lost].map(([endpoint, count]) => `${endpoint}: ${String(count)}`).join(', ')
    if (total() > 0) environment.log(`${settings.name}: ${String(total())} events will not be handled again (${each})`)
  }

  const close = async (): Promise<void> => {
    drain()
    report()
    const closed = [...sockets].map((socket) => new Promise<void>((done) => void socket.once('close', done)))
    for (const one of sessions.values()) one.close()
    for (const { socket } of handshaking.values()) socket.destroy()
    // n.b. the listening handle ends a turn after its last socket
    await Promise.all([...closed, stopped])
    logs.end()
  }

  return new Promise((resolve) => {
    const refused = (error: Error): void => {
      server.removeAllListeners('listening')
      resolve(failed(error))
    }
    server.once('error', refused)
    server.listen({ host: settings.host, port: settings.port, backlog: 511 }, () => {
      server.off('error', refused)
      server.on('error', (error) => {
        log(`${settings.name}: the listening socket failed (${reasonOf(error)})`)
      })
      const bound = server.address()
      const port = bound !== null && typeof bound === 'object' ? bound.port : settings.port
      resolve(E.right({ address: { host: settings.host, port }, drain, lost: total, close }))
    })
  })
}

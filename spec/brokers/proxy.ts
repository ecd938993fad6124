/** A TCP proxy that does what networks do. Every fault can be put on and taken off while connections are open. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { flow, reset } from './flow.js'
import { gate } from './gate.js'
import { freePort, host as local } from './port.js'

/** `up` is from the client to the server, `down` the way back. */
export type Direction = 'up' | 'down'

/** Where a proxy connects to. */
export interface Target {
  readonly host?: string
  readonly port: number
}

/** What went through a proxy. */
export interface ProxyStats {
  /** Connections that are open. */
  readonly open: number
  /** Connections there have been. */
  readonly accepted: number
  /** Bytes passed on to the server, and to the client. */
  readonly up: number
  readonly down: number
}

/** A proxy. What takes a direction does it to both by default. */
export interface FaultProxy {
  readonly host: string
  readonly port: number
  readonly stats: () => ProxyStats
  /** Where new connections go from now on. */
  readonly upstream: (target: Target) => void
  /** Every byte takes so long. */
  readonly latency: (ms: number, direction?: Direction) => void
  /** A black hole: connections stay open and nothing passes, not even their end. */
  readonly hold: (direction?: Direction) => void
  /** The end of a black hole: what was held arrives. */
  readonly release: (direction?: Direction) => void
  /** Connections that are open fall silent for good, at both ends, as behind a router that has forgotten them; new ones pass. */
  readonly abandon: () => void
  /** After so many more bytes in a direction the connection that carries the last of them is cut, once. */
  readonly cutAfter: (bytes: number, direction: Direction) => void
  /** RST to both ends of every connection. */
  readonly reset: () => void
  /** FIN in one direction of every connection; the other goes on. */
  readonly halfClose: (direction: Direction) => void
  /** New connections are refused; those that are open stay. */
  readonly refuse: () => Promise<void>
  /** New connections are refused, and the open ones reset. */
  readonly down: () => Promise<void>
  /** Accepts connections again, on the same port. */
  readonly up: () => Promise<void>
  /** Takes every fault off, and accepts connections. */
  readonly heal: () => Promise<void>
  readonly close: () => Promise<void>
}

const listening = async (port: number, accept: (socket: Socket) => void): Promise<Server> => {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
  await once(server.listen(port, local), 'listening')
  return server
}

/** Starts a proxy in front of `target`, on a free port of 127.0.0.1. Without a target connections are reset. */
export const faultProxy = async (target?: Target): Promise<FaultProxy> => {
  const port = await freePort()
  let gates = { up: gate(), down: gate() }
  const abandoned: Array<typeof gates> = []
  const pairs = new Set<Readonly<Record<Direction, Socket>>>()
  let to = target
  let accepted = 0

  const accept = (client: Socket): void => {
    accepted += 1
    if (to === undefined) return void client.resetAndDestroy()
    const server = connect({ host: local, ...to, allowHalfOpen: true, noDelay: true })
    // Each is the one that is written to in its direction.
    const pair = { up: server, down: client }
    const closed = (): void => {
      if (client.destroyed && server.destroyed) pairs.delete(pair)
    }
    pairs.add(pair)
    client.on('close', closed)
    server.on('close', closed)
    flow(client, server, gates.up)
    flow(server, client, gates.down)
  }
  let server: Server | undefined = await listening(port, accept)

  const both = (direction?: Direction) => (direction === undefined ? [gates.up, gates.down] : [gates[direction]])
  const resetAll = (): void =>
    pairs.forEach((pair) => {
      reset(pair.up)
      reset(pair.down)
    })
  // n.b. a server has stopped listening when `close` returns; its callback waits for the connections.
  const refuse = async (): Promise<void> => {
    server?.close()
    server = undefined
  }
  const down = async (): Promise<void> => {
    await refuse()
    resetAll()
  }
  const up = async (): Promise<void> => {
    server ??= await listening(port, accept)
  }
  const clear = (): void =>
    both().forEach((one) => {
      one.slow(0)
      one.cutAfter(Infinity)
      one.release()
    })
  const passed = (direction: Direction): number =>
    [gates, ...abandoned].reduce((sum, one) => sum + one[direction].passed(), 0)

  return {
    host: local,
    port,
    stats: () => ({ open: pairs.size, accepted, up: passed('up'), down: passed('down') }),
    upstream: (next) => {
      to = next
    },
    latency: (ms, direction) => both(direction).forEach((one) => one.slow(ms)),
    hold: (direction) => both(direction).forEach((one) => one.hold()),
    release: (direction) => both(direction).forEach((one) => one.release()),
    abandon: () => {
      both().forEach((one) => one.hold())
      abandoned.push(gates)
      gates = { up: gate(), down: gate() }
    },
    cutAfter: (bytes, direction) => gates[direction].cutAfter(bytes),
    reset: resetAll,
    halfClose: (direction) => pairs.forEach((pair) => pair[direction].end()),
    refuse,
    down,
    up,
    heal: async () => {
      clear()
      await up()
    },
    close: async () => {
      await down()
      clear()
      abandoned.forEach(({ up, down }) => [up, down].forEach((one) => one.release()))
    },
  }
}

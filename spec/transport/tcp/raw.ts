/** A peer that speaks the protocol byte by byte, and can be as wrong as a spec wants. */
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { decodeGoaway, encodeHello, encodeWelcome, type Goaway } from '../../../lib/transport/tcp/control.js'
import { frameType, headerBytes, type Side } from '../../../lib/transport/tcp/frame.js'
import { metaKey } from '../../../lib/transport/tcp/key.js'
import { encodeMeta, type Entry } from '../../../lib/transport/tcp/meta.js'
import { parser } from '../../../lib/transport/tcp/parser.js'
import * as O from 'fp-ts/lib/Option.js'
import { until } from './support.js'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly meta: Buffer
  readonly body: Buffer
}

/** A frame as bytes; nothing is checked. */
export const bytesOf = (
  type: number,
  id: number,
  entries: ReadonlyArray<Entry> | Buffer = [],
  body: string | Uint8Array = '',
  flags = type === frameType.event ? 4 : 0,
): Buffer => {
  const meta = Buffer.isBuffer(entries) ? entries : encodeMeta(entries)
  const payload = Buffer.from(body as string)
  const head = Buffer.alloc(headerBytes)
  head.writeUInt32BE(8 + meta.length + payload.length, 0)
  head[4] = type
  head[5] = flags
  head.writeUInt16BE(meta.length, 6)
  head.writeUInt32BE(id, 8)
  return Buffer.concat([head, meta, payload])
}

export const hello = (token?: string, maxFrame = 2_000_000, versions: readonly [number, number] = [1, 1]): Buffer => {
  const { meta, body } = encodeHello({
    minVersion: versions[0],
    maxVersion: versions[1],
    clientId: 'raw',
    token: O.fromNullable(token),
    maxFrame,
  })
  return bytesOf(frameType.hello, 0, meta, body)
}

export const welcome = (maxInFlight = 256, maxFrame = 2_000_000): Buffer => {
  const given = { version: 1, serverId: 'raw', maxFrame, maxInFlight, pingInterval: 15_000, idleTimeout: 0 }
  const { meta, body } = encodeWelcome(given)
  return bytesOf(frameType.welcome, 0, meta, body)
}

export const call = (
  id: number,
  pattern = 'echo',
  body: string | Uint8Array = '',
  timeoutMs = 5_000,
  type: number = frameType.request,
): Buffer =>
  bytesOf(
    type,
    id,
    [
      [metaKey.pattern, pattern],
      [metaKey.timeoutMs, timeoutMs],
    ],
    body,
  )

export interface Raw {
  readonly socket: Socket
  readonly frames: ReadonlyArray<Frame>
  readonly send: (...frames: ReadonlyArray<Uint8Array>) => void
  /** The next frame of a type from now on, or the latest one already there. */
  readonly got: (type: number, count?: number) => Promise<Frame>
  readonly goaway: () => Promise<Goaway>
  readonly closed: () => boolean
}

export const speaking = (socket: Socket, side: Side): Raw => {
  const frames: Array<Frame> = []
  let closed = false
  const input = parser(
    side,
    () => 0x7fff_ffff,
    (type, flags, id, bytes, meta, body, end) =>
      frames.push({
        type,
        flags,
        id,
        meta: Buffer.from(bytes.subarray(meta, body)),
        body: Buffer.from(bytes.subarray(body, end)),
      }),
    (_code, reason) => {
      throw new Error(reason)
    },
    () => undefined,
  )
  socket.on('data', input.push)
  socket.on('error', () => undefined)
  socket.on('close', () => {
    closed = true
  })
  onTestFinished(() => void socket.destroy())
  const got = async (type: number, count = 1): Promise<Frame> => {
    const found = (): ReadonlyArray<Frame> => frames.filter((frame) => frame.type === type)
    await until(() => found().length >= count)
    return found()[count - 1] as Frame
  }
  return {
    socket,
    frames,
    send: (...all) => void socket.write(Buffer.concat(all)),
    got,
    goaway: async () => {
      const { body } = await got(frameType.goaway)
      return decodeGoaway(body, 0, body.length)
    },
    closed: () => closed,
  }
}

/** A client that has said nothing yet. */
export const rawClient = async (port: number): Promise<Raw> => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return speaking(socket, 'client')
}

/** A client that is welcome. */
export const welcomed = async (port: number, token?: string): Promise<Raw> => {
  const raw = await rawClient(port)
  raw.send(hello(token))
  await raw.got(frameType.welcome)
  return raw
}

/** A server that hands over each connection; by itself it does nothing. */
export const rawServer = async (
  accept: (raw: Raw) => void,
  port = 0,
): Promise<{ readonly port: number; readonly close: () => Promise<void> }> => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    accept(speaking(socket, 'server'))
  })
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve))
  const address = server.address()
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      for (const socket of sockets) socket.destroy()
      server.close(() => {
        resolve()
      })
    })
  onTestFinished(close)
  return { port: typeof address === 'object' && address !== null ? address.port : 0, close }
}

/** A raw server that welcomes and then hears frames. */
export const welcoming = (heard: (raw: Raw, frame: Frame) => void, given = welcome()): ReturnType<typeof rawServer> =>
  rawServer((raw) => {
    let seen = 0
    raw.socket.on('data', () => {
      for (const frame of raw.frames.slice(seen)) {
        seen += 1
        if (frame.type === frameType.hello) raw.send(given)
        else heard(raw, frame)
      }
    })
  })

/** The frames that speak about the connection itself: HELLO, WELCOME, GOAWAY. */
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import { closeCode, magic, protocolVersion } from './frame.js'
import { plain } from './log.js'
import { decodeMeta, encodeMeta } from './meta.js'
import { metaKey } from './key.js'

/** What a client says of itself. */
export interface Hello {
  readonly minVersion: number
  readonly maxVersion: number
  readonly clientId: string
  readonly token: Option<string>
  /** The largest frame it takes: the `len` of a reply. */
  readonly maxFrame: number
}

/** What a server grants. */
export interface Welcome {
  readonly version: number
  readonly serverId: string
  readonly maxFrame: number
  readonly maxInFlight: number
  readonly pingInterval: number
  readonly idleTimeout: number
}

/** The end of a connection, announced. */
export interface Goaway {
  /** Frames with a greater id were not processed, and will not be. */
  readonly lastAccepted: number
  readonly code: number
  /** How long what was accepted may still take, in milliseconds. */
  readonly graceMs: number
  /** For people; safe to log. */
  readonly reason: string
}

/** Metadata and body of a control frame. */
export interface Parts {
  readonly meta: Buffer
  readonly body: Buffer
}

export const encodeHello = (hello: Hello): Parts => {
  const body = Buffer.alloc(6)
  body.writeUInt32BE(magic, 0)
  body[4] = hello.minVersion
  body[5] = hello.maxVersion
  return {
    meta: encodeMeta([
      [metaKey.clientId, hello.clientId],
      [metaKey.maxFrame, hello.maxFrame],
      ...(O.isSome(hello.token) ? [[metaKey.token, hello.token.value] as const] : []),
    ]),
    body,
  }
}

/** The HELLO in a frame, or what is wrong with it. */
export const decodeHello = (bytes: Buffer, from: number, body: number, end: number): Hello | string => {
  if (end - body < 6 || bytes.readUInt32BE(body) !== magic) return 'this is not MSG1'
  const meta = decodeMeta(bytes, from, body)
  if (typeof meta === 'string') return meta
  return {
    minVersion: bytes[body + 4] ?? 0,
    maxVersion: bytes[body + 5] ?? 0,
    clientId: meta.text(metaKey.clientId) ?? '',
    token: O.fromNullable(meta.text(metaKey.token)),
    maxFrame: meta.number(metaKey.maxFrame) ?? 0x7fff_ffff,
  }
}

export const speaks = (hello: Hello): boolean =>
  hello.minVersion <= protocolVersion && hello.maxVersion >= protocolVersion

export const encodeWelcome = (welcome: Welcome): Parts => ({
  meta: encodeMeta([
    [metaKey.serverId, welcome.serverId],
    [metaKey.maxFrame, welcome.maxFrame],
    [metaKey.maxInFlight, welcome.maxInFlight],
    [metaKey.pingInterval, welcome.pingInterval],
    [metaKey.idleTimeout, welcome.idleTimeout],
  ]),
  body: Buffer.from([welcome.version]),
})

/** The WELCOME in a frame, or what is wrong with it. */
export const decodeWelcome = (bytes: Buffer, from: number, body: number, end: number): Welcome | string => {
  const meta = decodeMeta(bytes, from, body)
  if (typeof meta === 'string') return meta
  const maxFrame = meta.number(metaKey.maxFrame)
  const maxInFlight = meta.number(metaKey.maxInFlight)
  if (end === body || bytes[body] !== protocolVersion) return 'a version we do not speak'
  if (maxFrame === undefined || maxInFlight === undefined || maxInFlight === 0) return 'a welcome without limits'
  return {
    version: protocolVersion,
    serverId: meta.text(metaKey.serverId) ?? '',
    maxFrame,
    maxInFlight,
    pingInterval: meta.number(metaKey.pingInterval) ?? 0,
    idleTimeout: meta.number(metaKey.idleTimeout) ?? 0,
  }
}

export const encodeGoaway = (goaway: Goaway): Buffer => {
  const reason = Buffer.from(plain(goaway.reason))
  const body = Buffer.alloc(10 + reason.length)
  body.writeUInt32BE(goaway.lastAccepted, 0)
  body.writeUInt16BE(goaway.code, 4)
  body.writeUInt32BE(goaway.graceMs, 6)
  reason.copy(body, 10)
  return body
}

/** The GOAWAY in a frame; one that is too short ends the connection like any other. */
export const decodeGoaway = (bytes: Buffer, body: number, end: number): Goaway =>
  end - body < 10
    ? { lastAccepted: 0, code: closeCode.protocol, graceMs: 0, reason: 'a goaway that is too short' }
    : {
        lastAccepted: bytes.readUInt32BE(body),
        code: bytes.readUInt16BE(body + 4),
        graceMs: bytes.readUInt32BE(body + 6),
        // n.b. it ends up in logs
        reason: plain(bytes.toString('utf8', body + 10, end)),
      }

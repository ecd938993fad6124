/** Names for the numbers on the wire. `docs/tcp-protocol.md` is the same for other languages; never renumber. */

/** Length, type, flags, length of the metadata, id. */
export const headerBytes = 12
/** Bytes of the header that `len` counts. */
export const countedHeaderBytes = 8
/** The metadata of one frame: 64 headers in 8 KiB, ids, key and what frames them fit well. */
export const maxMetaBytes = 16_384
/** What a peer may send before it is welcome, header included. */
export const maxHelloBytes = 8_192
/** Ids stay below: the first bit is reserved. */
export const idBound = 0x8000_0000

export const protocolVersion = 1
/** `MSG1`. */
export const magic = 0x4d534731

export const frameType = {
  hello: 0x01,
  welcome: 0x02,
  request: 0x10,
  event: 0x11,
  cancel: 0x12,
  reply: 0x20,
  failure: 0x21,
  eventAck: 0x22,
  rejected: 0x23,
  ping: 0x30,
  pong: 0x31,
  goaway: 0x32,
} as const

export const flag = { ackRequested: 4, idempotent: 8 } as const

/** Why a connection ends: the code of GOAWAY. */
export const closeCode = {
  done: 0,
  draining: 1,
  protocol: 2,
  tooLarge: 3,
  helloTimeout: 4,
  unauthorized: 5,
  version: 6,
  flood: 7,
  tooManyConnections: 8,
  slow: 9,
  idle: 10,
  overloaded: 11,
} as const
export type CloseCode = (typeof closeCode)[keyof typeof closeCode]

/** Why a message was not processed: the code of REJECTED. */
export const refusal = { overloaded: 1, draining: 2, noHandler: 3, expired: 4, unauthorized: 5, badMessage: 6 } as const
export type Refusal = (typeof refusal)[keyof typeof refusal]

/** How long a caller should wait before it tries a refused message again, in milliseconds. */
export const retryAfter = { overloaded: 100, draining: 0 } as const

/** Which end of a connection we are. */
export type Side = 'server' | 'client'

interface Rule {
  /** Flags that may be set, and those that must. */
  readonly flags: number
  readonly required: number
  /** It belongs to the connection (id 0) and not to a message. */
  readonly connection: boolean
  /** The largest `len`; `undefined`: the limit that the peers agreed on. */
  readonly maxLength: number | undefined
}

const rule = (connection: boolean, maxLength?: number, flags = 0, required = 0): Rule => ({
  flags,
  required,
  connection,
  maxLength,
})

const both: ReadonlyArray<readonly [number, Rule]> = [
  [frameType.ping, rule(true, 16)],
  [frameType.pong, rule(true, 16)],
  [frameType.goaway, rule(true, 1_024)],
]

const table = (rules: ReadonlyArray<readonly [number, Rule]>): ReadonlyArray<Rule | undefined> => {
  const found = new Map([...both, ...rules])
  return Array.from({ length: 256 }, (_, type) => found.get(type))
}

const received: Readonly<Record<Side, ReadonlyArray<Rule | undefined>>> = {
  server: table([
    [frameType.hello, rule(true, maxHelloBytes - 4)],
    [frameType.request, rule(false, undefined, flag.idempotent)],
    [frameType.event, rule(false, undefined, flag.ackRequested | flag.idempotent, flag.ackRequested)],
    [frameType.cancel, rule(false, 8)],
  ]),
  client: table([
    [frameType.welcome, rule(true, maxHelloBytes - 4)],
    [frameType.reply, rule(false)],
    [frameType.failure, rule(false)],
    [frameType.eventAck, rule(false, 8 + maxMetaBytes)],
    [frameType.rejected, rule(false)],
  ]),
}

/** What is wrong with the header of a frame that `side` receives, if anything. Known before its body is buffered. */
export const headerProblem = (
  side: Side,
  type: number,
  flags: number,
  id: number,
  length: number,
): string | undefined => {
  const found = received[side][type]
  if (found === undefined) return `unexpected frame type ${String(type)}`
  if ((flags & ~found.flags) !== 0 || (flags & found.required) !== found.required)
    return `flags ${String(flags)} on frame type ${String(type)}`
  if (found.connection ? id !== 0 : id === 0 || id >= idBound) return `id ${String(id)} on frame type ${String(type)}`
  if (found.maxLength !== undefined && length > found.maxLength) return `frame type ${String(type)} is too long`
  return undefined
}

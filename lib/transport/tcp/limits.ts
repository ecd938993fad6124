/** The bounds that keep a peer, hostile or unlucky, from taking more than its share. All times are in milliseconds. */
import { maxMetaBytes } from './frame.js'

export interface TcpLimits {
  /** The largest body; a frame may have 16 KiB of metadata beside it. Default 1 MiB. */
  readonly maxFrameBytes: number
  /** Messages of one connection that may wait for their answer. Default 256. */
  readonly maxInFlight: number
  /** Server: connections at once. Default 10,000. */
  readonly maxConnections: number
  /** Server: connections at once from one address. Default 1,024. */
  readonly maxConnectionsPerAddress: number
  /** Server: messages that were accepted and are not settled; beyond, callers are told `Overloaded`. Default 10,000. */
  readonly maxPending: number
  /**
   * Server: bytes of those messages; as many may wait in frames that have begun and are not complete, and the connection
   * that wants more is closed. Default 64 MiB.
   */
  readonly maxPendingBytes: number
  /** Client: calls that wait for a connection or for credit; beyond, they fail as `Overloaded`. Default 10,000. */
  readonly maxQueued: number
  /** Client: bytes of those calls. Default 64 MiB. */
  readonly maxQueuedBytes: number
  /** Server: the longest time limit that it grants a request. Default 60,000. */
  readonly maxTimeout: number
  /** From the connection to the end of the handshake, authentication included. Default 5,000. */
  readonly helloTimeout: number
  /** A frame that has begun must be complete within this, and 1,000 more for each MiB of it. Default 10,000. */
  readonly frameTimeout: number
  /** Silence after which a peer is asked whether it is alive. Default 15,000. */
  readonly pingInterval: number
  /** Silence after the question that ends the connection. Default 5,000. */
  readonly pongTimeout: number
  /** Server: ends a connection without a call for so long. Default 0: never. */
  readonly idleTimeout: number
  /** Bytes that may wait for a peer that reads slowly; beyond, replies to it fail as `Overloaded`. Default 16 MiB. */
  readonly sendBufferBytes: number
  /** A peer that takes no bytes at all for so long, while some wait, is cut off. Default 10,000. */
  readonly stalledTimeout: number
  /** How long a closing connection may take to say goodbye. Default 1,000. */
  readonly closeGrace: number
}

export const defaultLimits: TcpLimits = {
  maxFrameBytes: 1_048_576,
  maxInFlight: 256,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 1_024,
  maxPending: 10_000,
  maxPendingBytes: 67_108_864,
  maxQueued: 10_000,
  maxQueuedBytes: 67_108_864,
  maxTimeout: 60_000,
  helloTimeout: 5_000,
  frameTimeout: 10_000,
  pingInterval: 15_000,
  pongTimeout: 5_000,
  idleTimeout: 0,
  sendBufferBytes: 16_777_216,
  stalledTimeout: 10_000,
  closeGrace: 1_000,
}

const maxFrame = 1_073_741_824
const maxCredit = 65_536

/** An option out of its range, and what it should be. */
export interface Problem {
  readonly option: string
  readonly expected: string
}

const zeroAllowed: ReadonlyArray<string> = ['idleTimeout', 'maxQueued', 'maxQueuedBytes']

/** What is wrong with limits. */
export const limitProblems = (limits: TcpLimits): ReadonlyArray<Problem> => {
  const most: Partial<Readonly<Record<string, number>>> = { maxFrameBytes: maxFrame, maxInFlight: maxCredit }
  return Object.entries(limits).flatMap(([name, value]: readonly [string, unknown]) => {
    const option = `limits.${name}`
    const least = zeroAllowed.includes(name) ? 0 : 1
    const limit = most[name] ?? Number.MAX_SAFE_INTEGER
    return !Object.hasOwn(defaultLimits, name)
      ? [{ option, expected: `one of ${Object.keys(defaultLimits).join(', ')}` }]
      : typeof value === 'number' && value >= least && value <= limit
        ? []
        : [{ option, expected: `a number from ${String(least)} to ${String(limit)}` }]
  })
}

/** The largest `len` of a frame. */
export const frameLimit = (limits: TcpLimits): number => limits.maxFrameBytes + maxMetaBytes + 8

/** How often a connection is looked after: often enough for the shortest of the limits, at most every second. */
export const tickInterval = (limits: TcpLimits): number =>
  Math.max(
    5,
    Math.min(
      1_000,
      Math.min(
        limits.helloTimeout,
        limits.frameTimeout,
        limits.pingInterval,
        limits.pongTimeout,
        limits.stalledTimeout,
        limits.closeGrace,
        limits.idleTimeout === 0 ? Infinity : limits.idleTimeout,
      ) / 4,
    ),
  )

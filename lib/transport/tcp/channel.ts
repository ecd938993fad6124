/** What both ends of a connection share: frames in and out, liveness, floods, and the typed end. */
import { closeCode, frameType, maxHelloBytes } from './frame.js'
import type { CloseCode, Side } from './frame.js'
import { decodeGoaway, encodeGoaway } from './control.js'
import type { Goaway } from './control.js'
import { flow } from './flow.js'
import type { TcpLimits } from './limits.js'
import { parser } from './parser.js'
import type { OnFrame } from './parser.js'
import { noBytes, writer } from './writer.js'
import type { Slabs, Wire, Writer } from './writer.js'

export interface Channel extends Writer {
  /** Takes what the wire has read. */
  readonly receive: (chunk: Buffer) => void
  /** The wire takes bytes again. */
  readonly drained: () => void
  /** The wire is gone. */
  readonly gone: () => void
  /** Whether the wire has asked us to wait. */
  readonly blocked: () => boolean
  /** Whether so many bytes more would be too many for a peer that reads slowly. A single frame never is. */
  readonly full: (bytes: number) => boolean
  readonly open: () => boolean
  /** From now on frames of this size are taken: the handshake is over. */
  readonly widen: (limit: number) => void
  /** Reads nothing more for now, or goes on reading. */
  readonly hold: (held: boolean) => void
  readonly goaway: (code: CloseCode, reason: string, graceMs: number) => void
  /** Ends the connection with a typed goodbye. Only the first reason counts. */
  readonly fail: (code: CloseCode, reason: string) => void
  /** Ends it without a word: the peer does not listen any more. */
  readonly cut: () => void
  /** Looks after liveness, slowness and stalls; called every tick. */
  readonly check: (time: number) => void
}

/** What messages are answered through. */
export type Out = Pick<Channel, 'frame' | 'full'>

export interface ChannelOptions {
  readonly side: Side
  readonly wire: Wire
  readonly slabs: Slabs
  readonly limits: TcpLimits
  readonly time: () => number
  /** The greatest id that was accepted so far, for goodbyes. */
  readonly lastAccepted: () => number
  readonly frame: OnFrame
  /** Room for frames that have begun: so many bytes more, or less (negative); false where there is none. */
  readonly claim: (bytes: number) => boolean
  readonly goneAway: (goaway: Goaway) => void
  /** Called once, when this end gives the connection up by itself. */
  readonly ended: (code: CloseCode | undefined, reason: string) => void
  /** The wire takes bytes again after it asked us to wait. */
  readonly writable: () => void
}

const pingBurst = 10

// n.b. once everything that waits for a promise has run, and before the next read
const later = (run: () => void): void => {
  queueMicrotask(() => {
    process.nextTick(run)
  })
}

// A closing connection whose peer still takes replies has so long at most.
const longestGrace = 10_000

export const channel = (options: ChannelOptions): Channel => {
  const { side, wire, limits, time } = options
  let limit = maxHelloBytes - 4
  let closing = false
  let closingSince = 0
  let graceful = false
  let isGone = false
  let blocked = false
  let held = false
  let heard = time()
  let asked = -1
  // Answers to our pings that have not come.
  let expected = 0
  // Frames that only a flood has many of: pings, answers to none, goodbyes.
  let pings = 0
  let checked = time()
  let partialSince = 0
  const flowing = flow(wire, time)

  const paused = (): boolean => held || (blocked && side === 'server')

  const read = (): void => {
    if (paused()) wire.pause()
    else wire.resume()
  }

  const out = writer(wire, options.slabs, (ready) => {
    if (!ready && !blocked) {
      blocked = true
      flowing.began()
      read()
    }
  })

  const control = (type: number, body: Uint8Array): void => {
    out.frame(type, 0, 0, noBytes, -1, undefined, body)
  }

  const goaway = (code: CloseCode, reason: string, graceMs: number): void => {
    control(frameType.goaway, encodeGoaway({ lastAccepted: options.lastAccepted(), code, graceMs, reason }))
  }

  const shut = (code: CloseCode | undefined, reason: string): boolean => {
    if (closing || isGone) return false
    closing = true
    closingSince = time()
    graceful = code === closeCode.done
    input.stop()
    if (code !== undefined) {
      goaway(code, reason, 0)
      out.flush()
    }
    out.stop()
    return true
  }

  const fail = (code: CloseCode, reason: string): void => {
    if (!shut(code, reason)) return
    // What the peer still sends is read and dropped: unread bytes would turn the goodbye into a reset.
    held = false
    blocked = false
    wire.resume()
    wire.end()
    options.ended(code, reason)
  }

  const cut = (reason: string): void => {
    const first = shut(undefined, reason)
    wire.destroy()
    if (first) options.ended(undefined, reason)
  }

  const frame: OnFrame = (type, flags, id, bytes, meta, body, end) => {
    if (type < frameType.ping) options.frame(type, flags, id, bytes, meta, body, end)
    else if (side === 'server' && limit <= maxHelloBytes) fail(closeCode.protocol, 'a frame before the welcome')
    else if (type === frameType.pong && expected > 0) expected -= 1
    else if (++pings > pingBurst) fail(closeCode.flood, 'too many frames about the connection')
    else if (type === frameType.ping) {
      if (end - body !== 8) fail(closeCode.protocol, 'a ping has 8 bytes')
      else control(frameType.pong, bytes.subarray(body, end))
    } else if (type === frameType.goaway) options.goneAway(decodeGoaway(bytes, body, end))
  }

  const input = parser(
    side,
    () => limit,
    frame,
    fail,
    () => {
      partialSince = time()
    },
    options.claim,
    later,
  )

  const alive = (now: number): void => {
    if (paused()) heard = now
    if (heard >= asked) asked = -1
    if (asked >= 0) {
      if (now - asked > limits.pongTimeout) cut('the peer is silent')
    } else if (now - heard >= limits.pingInterval && limit > maxHelloBytes) {
      asked = now
      expected += 1
      control(frameType.ping, Buffer.alloc(8))
    }
  }

  return {
    ...out,
    receive: (chunk) => {
      heard = time()
      input.push(chunk)
    },
    drained: () => {
      if (!blocked) return
      blocked = false
      if (closing) return
      read()
      options.writable()
    },
    gone: () => {
      input.rest()
      isGone = true
      input.stop()
      out.stop()
    },
    blocked: () => blocked,
    full: (bytes) => blocked && wire.writableLength() + bytes > limits.sendBufferBytes,
    open: () => !closing && !isGone,
    widen: (next) => {
      limit = next
    },
    hold: (next) => {
      held = next
      if (!closing) read()
    },
    goaway,
    fail,
    cut: () => {
      cut('closed')
    },
    check: (now) => {
      if (isGone) return
      if (closing) {
        flowing.look(now)
        const since = graceful ? Math.max(closingSince, flowing.moved()) : closingSince
        const most = Math.max(longestGrace, limits.closeGrace)
        if (now - since > limits.closeGrace || now - closingSince > most) wire.destroy()
        return
      }
      const passed = now - checked
      checked = now
      pings = Math.max(0, pings - passed / 1_000)
      // A frame is not late while we do not read it.
      if (paused()) partialSince += passed
      const needed = input.waiting()
      if (needed > 0 && now - partialSince > limits.frameTimeout + needed / 1_048.576)
        fail(closeCode.slow, 'a frame took too long')
      else alive(now)
      flowing.look(now)
      if (!closing && flowing.stalled(now) > limits.stalledTimeout) cut('the peer has stopped reading')
    },
  }
}

/** One connection to a server, on the client: handshake, ids, credit, and answers to the calls they belong to. */
import * as O from 'fp-ts/lib/Option.js'
import type { Socket } from 'node:net'
import type { Address, Environment, Failing } from '../transport.js'
import type { Call } from './call.js'
import { channel } from './channel.js'
import { decodeWelcome, encodeHello } from './control.js'
import type { Goaway, Welcome } from './control.js'
import { dial } from './dial.js'
import { disconnected, failureOf, reasonOf, rejectionOf } from './failing.js'
import { closeCode, countedHeaderBytes, flag, frameType, idBound, maxMetaBytes, protocolVersion } from './frame.js'
import { frameLimit } from './limits.js'
import type { Settings } from './options.js'
import type { OnFrame } from './parser.js'
import { noBytes } from './writer.js'
import type { Slabs } from './writer.js'

/** Why a connection ended, or never began. */
export interface Ending {
  /** For people: a code of the system, or the server's goodbye. */
  readonly reason: string
  /** The server refused the credentials: another attempt will not help soon. */
  readonly unauthorized: boolean
  /** The server ended it because it was not used. */
  readonly idle: boolean
  readonly cause: unknown
}

export interface LinkOptions {
  readonly settings: Settings
  readonly environment: Environment
  readonly address: Address
  readonly slabs: Slabs
  readonly time: () => number
  readonly patternEntry: (pattern: string) => Uint8Array
  /** The id from which on a connection wants to be replaced. */
  readonly renewAt: number
  readonly ready: () => void
  /** It takes no new calls any more, and answers what it has. */
  readonly retiring: () => void
  readonly ended: (ending: Ending) => void
  /** A call has room on it again. */
  readonly room: () => void
  /** The server has no handler for a call: perhaps another one has. */
  readonly nobody: (call: Call, answer: Failing) => void
}

export interface Link {
  /** Whether it takes calls: the server has said welcome and has not said goodbye. */
  readonly ready: () => boolean
  /** Whether a call can be written now. */
  readonly free: () => boolean
  readonly inFlight: () => number
  /** Milliseconds from call to answer, smoothed; `undefined` before the first answer. */
  readonly rtt: () => number | undefined
  /** The largest body that the server takes. */
  readonly maxBody: () => number
  readonly send: (call: Call) => void
  readonly cancel: (call: Call) => void
  readonly check: (time: number) => void
  /** Takes no new calls, and closes when the last one is answered. */
  readonly retire: () => void
  /** Answers what waits with `answer` and says goodbye. */
  readonly close: (answer: Failing) => void
}

const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(least))
const smoothing = 0.2

export const link = (options: LinkOptions): Link => {
  const { settings, environment, address, time } = options
  const { limits } = settings
  const { clock } = environment
  const began = time()
  let socket: Socket | undefined
  let welcome: Welcome | undefined
  let slots: Array<Call | undefined> = []
  let mask = 0
  let nextId = 1
  let inFlight = 0
  let credit = 0
  let retired = false
  let over = false
  let refused = false
  let idle = false
  let lastAccepted = idBound
  let reason: string | undefined
  let cause: unknown
  let maxBody = limits.maxFrameBytes
  let rtt: number | undefined
  let fresh = false
  let sampled = 0
  let sampledAt = 0

  const settle = (call: Call, answer: Failing): void => {
    if (call.over) return
    call.over = true
    call.answer(answer)
  }

  const finish = (): void => {
    if (over) return
    over = true
    out.gone()
    options.ended({ reason: reason ?? 'closed', unauthorized: refused, idle, cause })
    for (const call of slots) if (call !== undefined) settle(call, disconnected(call.id <= lastAccepted))
    slots = []
    inFlight = 0
  }

  const quit = (): void => {
    if (retired && inFlight === 0 && out.open()) out.fail(closeCode.done, 'closed')
  }

  const retire = (): void => {
    if (retired) return
    retired = true
    options.retiring()
    quit()
  }

  /** The call that waits under an id, and its place is free again; `undefined` when an answer is late or forged. */
  const release = (id: number): Call | undefined => {
    const slot = id & mask
    const call = slots[slot]
    if (call === undefined || call.id !== id) return undefined
    slots[slot] = undefined
    inFlight -= 1
    if (id === sampled) {
      const took = Math.max(clock.now() - sampledAt, 0.001)
      rtt = rtt === undefined ? took : rtt + smoothing * (took - rtt)
      fresh = true
      sampled = 0
    }
    return call
  }

  const welcomed = (found: Welcome | string): void => {
    if (welcome !== undefined || typeof found === 'string')
      return out.fail(closeCode.protocol, typeof found === 'string' ? found : 'a second welcome')
    welcome = found
    credit = Math.min(found.maxInFlight, limits.maxInFlight)
    maxBody = Math.min(maxBody, Math.max(0, found.maxFrame - maxMetaBytes - countedHeaderBytes))
    slots = Array.from({ length: powerOfTwo(2 * credit) })
    mask = slots.length - 1
    out.widen(frameLimit(limits))
    if (!retired) options.ready()
  }

  const goneAway = (goaway: Goaway): void => {
    if (goaway.code !== closeCode.draining) {
      reason = goaway.reason === '' ? `closed with code ${String(goaway.code)}` : goaway.reason
      refused = goaway.code === closeCode.unauthorized && welcome === undefined
      idle = goaway.code === closeCode.idle
    }
    lastAccepted = goaway.lastAccepted
    retired = true
    options.retiring()
    for (const call of slots) if (call !== undefined && call.id > lastAccepted) settle(call, disconnected(false))
    quit()
  }

  const answered = (call: Call, type: number, bytes: Buffer, meta: number, body: number, end: number): void => {
    if (type === frameType.eventAck) {
      call.over = true
      return call.answer({ _tag: 'Accepted' })
    }
    const found =
      type === frameType.rejected
        ? rejectionOf(settings.name, call.message, bytes, meta, body, end)
        : failureOf(settings.name, bytes, meta, body, end)
    if (typeof found === 'string') {
      out.fail(closeCode.protocol, found)
      settle(call, disconnected(true))
    } else if (found.error._tag === 'NoHandler' && found.processed === 'no') options.nobody(call, found)
    else settle(call, found)
  }

  const replied = (call: Call, bytes: Buffer, meta: number, body: number, end: number): void => {
    // The short way: no metadata is `ok`, `64 1 1` is `error`.
    const size = body - meta
    const bad = size === 3 && bytes[meta] === 64 && bytes[meta + 1] === 1 && bytes[meta + 2] === 1
    if (size > 0 && !bad) {
      out.fail(closeCode.protocol, 'a reply with metadata we do not know')
      return settle(call, disconnected(true))
    }
    call.over = true
    call.answer({ _tag: 'Reply', status: bad ? 'error' : 'ok', body: bytes.subarray(body, end) })
  }

  const frame: OnFrame = (type, _flags, id, bytes, meta, body, end) => {
    if (type === frameType.welcome) return welcomed(decodeWelcome(bytes, meta, body, end))
    if (welcome === undefined) return out.fail(closeCode.protocol, 'an answer before the welcome')
    const call = release(id)
    if (call === undefined) return
    if (!call.over) {
      const wrong = (call.kind === 'event') !== (type === frameType.eventAck)
      if (type === frameType.reply && !wrong) replied(call, bytes, meta, body, end)
      else if (wrong && (type === frameType.reply || type === frameType.eventAck)) {
        out.fail(closeCode.protocol, 'an answer of the wrong kind')
        settle(call, disconnected(true))
      } else answered(call, type, bytes, meta, body, end)
    }
    if (retired) quit()
    else if (!out.blocked()) options.room()
  }

  const wire = {
    write: (bytes: Uint8Array) => socket?.write(bytes) ?? true,
    end: () => socket?.end(),
    destroy: () => socket?.destroy(),
    pause: () => socket?.pause(),
    resume: () => socket?.resume(),
    get writableLength() {
      return socket?.writableLength ?? 0
    },
  }

  const out = channel({
    side: 'client',
    wire,
    slabs: options.slabs,
    limits,
    time,
    lastAccepted: () => 0,
    frame,
    goneAway,
    ended: (_code, why) => {
      reason ??= why
      if (socket === undefined) finish()
    },
    writable: () => {
      if (!retired) options.room()
    },
  })

  const introduce = (token: O.Option<string>): void => {
    const { meta, body } = encodeHello({
      minVersion: protocolVersion,
      maxVersion: protocolVersion,
      clientId: environment.instance,
      token,
      maxFrame: frameLimit(limits),
    })
    out.frame(frameType.hello, 0, 0, meta, -1, undefined, body)
    out.flush()
  }

  const open = (token: O.Option<string>): void => {
    if (!out.open()) return
    const opened = dial(
      settings,
      address,
      () => {
        introduce(token)
      },
      out.receive,
    )
    socket = opened
    opened.on('drain', out.drained)
    opened.on('error', (error) => {
      reason ??= reasonOf(error)
      cause ??= error
    })
    opened.on('close', finish)
  }

  const { token } = settings
  if (token === undefined) open(O.none)
  else {
    const unknown = (error: unknown): void => {
      cause = error
      reason = 'the token could not be had'
      finish()
    }
    try {
      token().then((text) => {
        open(O.some(text))
      }, unknown)
    } catch (error) {
      queueMicrotask(() => {
        unknown(error)
      })
    }
  }

  const ready = (): boolean => welcome !== undefined && !retired && out.open()

  const self: Link = {
    ready,
    free: () => inFlight < credit && !out.blocked() && ready(),
    inFlight: () => inFlight,
    rtt: () => rtt,
    maxBody: () => maxBody,
    send: (call) => {
      while (slots[nextId & mask] !== undefined) nextId += 1
      const id = nextId++
      const { message } = call
      call.id = id
      call.link = self
      slots[id & mask] = call
      inFlight += 1
      if (sampled === 0) {
        sampled = id
        sampledAt = clock.now()
      }
      const waited = call.queuedAt < 0 ? 0 : clock.now() - call.queuedAt
      const left = Math.max(0, Math.min(0xffff_ffff, Math.ceil(message.timeoutMs - waited)))
      const entry = options.patternEntry(message.pattern)
      const safe = message.idempotent ? flag.idempotent : 0
      if (call.kind === 'request') out.frame(frameType.request, safe, id, entry, left, call.more, message.body)
      else out.frame(frameType.event, flag.ackRequested | safe, id, entry, left, call.more, message.body)
      if (nextId >= options.renewAt && !retired) retire()
    },
    cancel: (call) => {
      call.over = true
      if (call.kind === 'request' && slots[call.id & mask] === call)
        out.frame(frameType.cancel, 0, call.id, noBytes, -1, undefined, noBytes)
    },
    check: (now) => {
      if (welcome === undefined && now - began > limits.helloTimeout && !over) {
        reason ??= 'ETIMEDOUT'
        out.cut()
      }
      // A peer that was slow once is tried again some time.
      if (!fresh && rtt !== undefined) rtt *= 0.9
      fresh = false
      out.check(now)
    },
    retire,
    close: (answer) => {
      for (const call of slots) if (call !== undefined) settle(call, answer)
      retired = true
      if (welcome === undefined) out.cut()
      else out.fail(closeCode.done, 'closed')
    },
  }
  return self
}

/** One connection to a server, on the client: handshake, ids, credit, and answers to the calls they belong to. */
import type { Option } from 'fp-ts/lib/Option.js'
import type { Socket } from 'node:net'
import type { Address, Environment, Failing } from '../transport.js'
import type { Call } from './call.js'
import { channel } from './channel.js'
import { decodeWelcome } from './control.js'
import type { Goaway, Welcome } from './control.js'
import type { Dial } from './dial.js'
import { disconnected, failureOf, reasonOf, rejectionOf, statusOf } from './failing.js'
import { closeCode, countedHeaderBytes, flag, frameType, idBound, maxMetaBytes } from './frame.js'
import { credentials, helloOf } from './introduce.js'
import { frameLimit } from './limits.js'
import type { Settings } from './options.js'
import type { OnFrame } from './parser.js'
import { slots } from './slots.js'
import type { Slots } from './slots.js'
import { wireOf } from './wire.js'
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
  readonly dial: Dial
  readonly slabs: Slabs
  readonly time: () => number
  /** The time of this turn of the event loop. */
  readonly now: () => number
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

export const link = (options: LinkOptions): Link => {
  const { settings, environment, address, time } = options
  const { limits } = settings
  const began = time()
  let socket: Socket | undefined
  let welcomed = false
  let credit = 0
  let waiting: Slots | undefined
  let maxBody = limits.maxFrameBytes
  let retired = false
  let graceEnd = Infinity
  let over = false
  let refused = false
  let idle = false
  let lastAccepted = idBound
  let reason: string | undefined
  let cause: unknown

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
    const left = waiting?.all() ?? []
    waiting = undefined
    for (const call of left) settle(call, disconnected(call.id <= lastAccepted))
  }

  // n.b. calls that were given up are not waited for, whatever the server still answers
  const quit = (): void => {
    if (retired && out.open() && waiting?.all().some((call) => !call.over) !== true) out.fail(closeCode.done, 'closed')
  }

  const retire = (): void => {
    if (retired) return
    retired = true
    options.retiring()
    quit()
  }

  const greeted = (found: Welcome | string): void => {
    if (welcomed || typeof found === 'string')
      return out.fail(closeCode.protocol, typeof found === 'string' ? found : 'a second welcome')
    welcomed = true
    credit = Math.min(found.maxInFlight, limits.maxInFlight)
    waiting = slots(credit, options.now)
    maxBody = Math.min(maxBody, Math.max(0, found.maxFrame - maxMetaBytes - countedHeaderBytes))
    out.widen(frameLimit(limits))
    if (!retired) options.ready()
  }

  const goneAway = (goaway: Goaway): void => {
    lastAccepted = goaway.lastAccepted
    for (const call of waiting?.all() ?? [])
      if (call.id > lastAccepted) {
        settle(call, disconnected(false))
        waiting?.forget(call)
      }
    // Without a welcome it is a failed attempt, whatever the reason.
    if (goaway.code === closeCode.draining && welcomed) {
      if (goaway.graceMs > 0) graceEnd = time() + goaway.graceMs
      return retire()
    }
    reason = goaway.reason === '' ? `closed with code ${String(goaway.code)}` : goaway.reason
    refused = goaway.code === closeCode.unauthorized && !welcomed
    idle = goaway.code === closeCode.idle && welcomed
    out.fail(closeCode.done, 'closed')
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
    const status = body === meta ? 'ok' : statusOf(bytes, meta, body)
    if (status === undefined) {
      out.fail(closeCode.protocol, 'a reply with malformed metadata')
      return settle(call, disconnected(true))
    }
    call.over = true
    call.answer({ _tag: 'Reply', status, body: bytes.subarray(body, end) })
  }

  const frame: OnFrame = (type, _flags, id, bytes, meta, body, end) => {
    if (type === frameType.welcome) return greeted(decodeWelcome(bytes, meta, body, end))
    if (waiting === undefined) return out.fail(closeCode.protocol, 'an answer before the welcome')
    const call = waiting.release(id)
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

  const out = channel({
    side: 'client',
    wire: wireOf(() => socket),
    slabs: options.slabs,
    limits,
    time,
    lastAccepted: () => 0,
    frame,
    claim: () => true,
    goneAway,
    ended: (_code, why) => {
      reason ??= why
      if (socket === undefined) finish()
    },
    writable: () => {
      if (!retired) options.room()
    },
  })

  const lost = (why: string, error: unknown): void => {
    reason ??= why
    cause ??= error
  }

  const open = (token: Option<string>): void => {
    if (!out.open()) return
    const opened = options.dial(
      settings,
      address,
      () => {
        const { meta, body } = helloOf(environment.instance, token, frameLimit(limits))
        out.frame(frameType.hello, 0, 0, meta, -1, undefined, body)
        out.flush()
      },
      out.receive,
    )
    socket = opened
    opened.on('drain', out.drained)
    opened.on('error', (error) => {
      lost(reasonOf(error), error)
    })
    opened.on('close', finish)
  }

  credentials(settings.token, open, (why, error) => {
    lost(why, error)
    finish()
  })

  const ready = (): boolean => waiting !== undefined && !retired && out.open()

  const self: Link = {
    ready,
    free: () => waiting !== undefined && waiting.inFlight() < credit && !out.blocked() && ready(),
    inFlight: () => waiting?.inFlight() ?? 0,
    rtt: () => waiting?.rtt(),
    maxBody: () => maxBody,
    send: (call) => {
      if (waiting === undefined) return settle(call, disconnected(false))
      const id = waiting.take(call)
      const { message } = call
      call.link = self
      const waited = call.queuedAt < 0 ? 0 : options.now() - call.queuedAt
      const left = Math.max(0, Math.min(0xffff_ffff, Math.ceil(message.timeoutMs - waited)))
      const entry = options.patternEntry(message.pattern)
      const safe = message.idempotent ? flag.idempotent : 0
      if (call.kind === 'request') out.frame(frameType.request, safe, id, entry, left, call.more, message.body)
      else out.frame(frameType.event, flag.ackRequested | safe, id, entry, left, call.more, message.body)
      if (waiting.nextId() >= options.renewAt) retire()
    },
    cancel: (call) => {
      call.over = true
      if (waiting?.holds(call) !== true) return
      out.frame(frameType.cancel, 0, call.id, noBytes, -1, undefined, noBytes)
      waiting.forget(call)
      quit()
    },
    check: (now) => {
      if (!welcomed && now - began > limits.helloTimeout && !over) {
        reason ??= 'ETIMEDOUT'
        out.cut()
      }
      if (now > graceEnd) out.fail(closeCode.done, 'the grace of the server is over')
      waiting?.cool()
      out.check(now)
    },
    retire,
    close: (answer) => {
      for (const call of waiting?.all() ?? []) settle(call, answer)
      retired = true
      if (!welcomed) out.cut()
      else out.fail(closeCode.done, 'closed')
    },
  }
  return self
}

/** One connection, on the server: handshake, credit, and messages to the endpoints. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { PeerCertificate } from 'node:tls'
import { freshId } from '../../core/clock.js'
import { reject } from './answer.js'
import { channel } from './channel.js'
import { decodeHello, encodeWelcome, speaks } from './control.js'
import type { Hello } from './control.js'
import { takeEvent } from './events.js'
import { closeCode, frameType, protocolVersion, refusal } from './frame.js'
import type { CloseCode } from './frame.js'
import type { House } from './house.js'
import { inFlight } from './inflight.js'
import { frameLimit } from './limits.js'
import type { OnFrame } from './parser.js'
import type { Authorize } from './options.js'
import type { Occupy } from './places.js'
import { takeRequest } from './requests.js'
import type { Caller } from './requests.js'
import type { Wire } from './writer.js'

/** What a server does with one of its connections. */
export interface Session {
  readonly receive: (chunk: Buffer) => void
  readonly drained: () => void
  /** The wire is gone: what runs for it is aborted. */
  readonly gone: () => void
  readonly check: (time: number) => void
  /** Announces that nothing more is accepted; what was accepted is still answered. */
  readonly drain: () => void
  /** Writes what is batched and says goodbye. */
  readonly close: () => void
  readonly fail: (code: CloseCode, reason: string) => void
}

/** Who is at the other end. */
export interface Peer {
  readonly remoteAddress: string
  readonly certificate: () => PeerCertificate | undefined
  /** Keeps its place on the server while its credentials are looked at, even where the connection is gone meanwhile. */
  readonly occupy: Occupy
}

/** Metadata of a WELCOME and of an error is all that a reply carries beside its body. */
const replyRoom = 64
const leastFrame = 16_384
const refusedCredentials = 'the credentials were refused'

// n.b. JavaScript answers what it likes: a promise is truthy, and no permission
const allowed = (authorize: Authorize, principal: unknown, pattern: string, kind: 'event' | 'message'): boolean => {
  try {
    const answer: unknown = authorize(principal, { pattern, kind })
    return answer === true
  } catch {
    return false
  }
}

/** What `authenticate` has answered, whatever it is. */
const eitherOf = (answer: unknown): Either<string, unknown> => {
  const { _tag: tag, left, right } = (answer ?? {}) as Partial<Record<'_tag' | 'left' | 'right', unknown>>
  return tag === 'Right' ? E.right(right) : E.left(typeof left === 'string' && left !== '' ? left : refusedCredentials)
}

export const session = (house: House, wire: Wire, peer: Peer): Session => {
  const { settings, environment, time } = house
  const { limits, authorize } = settings
  const waiting = inFlight()
  const began = time()
  let phase: 'hello' | 'authenticating' | 'open' = 'hello'
  let caller: Caller | undefined
  let lastId = 0
  let accepted = 0
  let strayCancels = 0
  let called = began
  let now = 0

  const welcome = (hello: Hello, principal: unknown): void => {
    if (!out.open()) return
    phase = 'open'
    called = time()
    const prefix = `${freshId(environment.random)}-`
    const limit = Math.min(limits.maxFrameBytes, hello.maxFrame - replyRoom)
    caller = {
      out,
      waiting,
      limit,
      origin: { name: settings.name, remoteAddress: peer.remoteAddress, principal, prefix },
    }
    const { meta, body } = encodeWelcome({
      version: protocolVersion,
      serverId: environment.instance,
      maxFrame: frameLimit(limits),
      maxInFlight: limits.maxInFlight,
      pingInterval: limits.pingInterval,
      idleTimeout: limits.idleTimeout,
    })
    out.frame(frameType.welcome, 0, 0, meta, -1, undefined, body)
    out.widen(frameLimit(limits))
    if (house.draining()) out.goaway(closeCode.draining, 'the server is stopping', 0)
  }

  const decided = (hello: Hello, outcome: Either<string, unknown>): void => {
    out.hold(false)
    if (E.isRight(outcome)) welcome(hello, outcome.right)
    else out.fail(closeCode.unauthorized, outcome.left)
  }

  const authenticated = async (task: Task<unknown>): Promise<Either<string, unknown>> => {
    try {
      return eitherOf(await task())
    } catch {
      return E.left(refusedCredentials)
    }
  }

  const greet = (hello: Hello | string): void => {
    if (typeof hello === 'string') return out.fail(closeCode.protocol, hello)
    if (!speaks(hello)) return out.fail(closeCode.version, `this server speaks version ${String(protocolVersion)}`)
    if (hello.maxFrame < leastFrame) return out.fail(closeCode.protocol, 'frames of 16384 bytes must be taken')
    const { authenticate } = settings
    if (authenticate === undefined) return welcome(hello, undefined)
    // Nothing more is read from an unknown peer while its credentials are looked at.
    phase = 'authenticating'
    out.hold(true)
    const { clientId, token } = hello
    const { remoteAddress } = peer
    const leave = peer.occupy()
    // n.b. within the task, because it may throw before it answers a task
    void authenticated(() => authenticate({ clientId, token, remoteAddress, certificate: peer.certificate() })()).then(
      (outcome) => {
        leave()
        decided(hello, outcome)
      },
    )
  }

  const take = (
    from: Caller,
    type: number,
    id: number,
    bytes: Buffer,
    meta: number,
    body: number,
    end: number,
  ): void => {
    if (id <= lastId) return out.fail(closeCode.protocol, 'ids must grow')
    lastId = id
    if (waiting.size() >= limits.maxInFlight)
      return out.fail(closeCode.protocol, `at most ${String(limits.maxInFlight)} messages may wait for an answer`)
    if (house.draining()) return reject(out, id, refusal.draining)
    const routed = house.route(bytes, meta, body)
    if (typeof routed === 'string') return out.fail(closeCode.protocol, routed)
    accepted = id
    called = time()
    const kind = type === frameType.request ? 'message' : 'event'
    if (authorize !== undefined && !allowed(authorize, from.origin.principal, routed.route.pattern, kind))
      return reject(out, id, refusal.unauthorized, { _tag: 'Unauthorized', message: 'this call is not allowed' })
    const payload = bytes.subarray(body, end)
    if (kind === 'message') takeRequest(house, from, id, routed, payload, end - meta, now)
    else takeEvent(house, from, id, routed, payload, end - meta)
  }

  const frame: OnFrame = (type, _flags, id, bytes, meta, body, end) => {
    if (type === frameType.hello) {
      if (phase === 'hello') greet(decodeHello(bytes, meta, body, end))
      else out.fail(closeCode.protocol, 'a second hello')
    } else if (caller === undefined) out.fail(closeCode.protocol, 'a frame before the welcome')
    else if (type !== frameType.cancel) take(caller, type, id, bytes, meta, body, end)
    // A cancel that crosses its answer is nobody's fault; many of them in one tick are.
    else if (!waiting.cancel(id) && ++strayCancels > 4 * limits.maxInFlight)
      out.fail(closeCode.flood, 'too many cancels of nothing')
  }

  const out = channel({
    side: 'server',
    wire,
    slabs: house.slabs,
    limits,
    time,
    lastAccepted: () => accepted,
    frame,
    claim: house.receiving,
    goneAway: () => undefined,
    ended: (code, reason) => {
      waiting.abortAll('disconnected')
      if (code !== closeCode.done)
        environment.log(`${settings.name}: closed the connection of ${peer.remoteAddress}: ${reason}`)
    },
    writable: () => undefined,
  })

  return {
    receive: (chunk) => {
      now = environment.clock.now()
      out.receive(chunk)
    },
    drained: out.drained,
    gone: () => {
      out.gone()
      waiting.abortAll('disconnected')
    },
    check: (at) => {
      strayCancels = 0
      if (phase !== 'open' && at - began > limits.helloTimeout) out.fail(closeCode.helloTimeout, 'no hello in time')
      else if (waiting.size() > 0) called = at
      else if (limits.idleTimeout > 0 && phase === 'open' && at - called > limits.idleTimeout)
        out.fail(closeCode.idle, 'no call for a long time')
      out.check(at)
    },
    drain: () => {
      if (phase === 'open' && out.open()) out.goaway(closeCode.draining, 'the server is stopping', 0)
    },
    close: () => {
      out.fail(closeCode.done, 'closed')
    },
    fail: out.fail,
  }
}

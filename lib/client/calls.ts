/** Calls under way: deadlines, retries, cancellation and bounds, over any connection. */
import type { Either } from 'fp-ts/lib/Either.js'
import { deadlines, tickMs, type Due } from '../core/deadlines.js'
import type { CallFailure, ConnectError } from '../core/error.js'
import { render } from '../core/render.js'
import { fullJitter } from '../core/retry.js'
import type { Answer, Cancel, Connection, Environment, Failing, Outgoing } from '../transport/transport.js'
import { signals } from './signals.js'

/** Where calls get their connection: an open one, or the promise of one. */
export interface Source {
  readonly current: () => Connection | undefined
  readonly open: () => Promise<Either<ConnectError, Connection>>
}

export interface Calls<R, A> {
  /** Makes a call, `now` on the clock's monotonic time; `done` is called once, unless the call is cancelled before. */
  readonly start: (
    kind: 'request' | 'publish',
    message: Outgoing,
    signal: AbortSignal | undefined,
    now: number,
    route: R,
    done: (result: A) => void,
  ) => Call<R, A>
  /** Gives a call up; harmless once it is over. */
  readonly cancel: (call: Call<R, A>) => void
  /** How many are under way. */
  readonly pending: () => number
  /** Fails what is under way, and every later call, as `Closed`. */
  readonly close: () => void
}

/** A call under way. Changed in place, and by this file alone: it is made for every call. */
export interface Call<R, A> extends Due {
  readonly kind: 'request' | 'publish'
  message: Outgoing
  readonly bytes: number
  readonly route: R
  readonly done: (result: A) => void
  readonly signal: AbortSignal | undefined
  readonly dueAt: number
  /** From the start of the call to its deadline, in milliseconds. */
  readonly timeoutMs: number
  /** Cancels the attempt under way, or the wait before the next one. */
  cancel: Cancel | undefined
  attempts: number
  /** An earlier attempt may have been handled. */
  maybe: boolean
  /** Why the last attempt was refused, where another one followed or will. */
  refusal: CallFailure | undefined
  over: boolean
}

/** Calls under way at once, and their bodies in all; one more is `Overloaded`. */
export const maxPending = 10_000
export const maxPendingBytes = 64 * 1024 * 1024
/** Attempts of an idempotent request whose earlier attempt may have been handled. */
export const idempotentAttempts = 3

const failing = (error: CallFailure): Failing => ({ _tag: 'Failing', error, processed: 'no', retryAfterMs: undefined })

// What a call can fail with says nothing of topologies: those are for whoever starts services.
const callFailure = (error: ConnectError): CallFailure =>
  error._tag === 'TopicMissing' || error._tag === 'TopologyMismatch'
    ? { _tag: 'TransportFailed', name: 'client', message: render(error), cause: error }
    : error

/** `read` is what an answer means to whoever called on a route. */
export const calls = <R, A>(source: Source, env: Environment, read: (route: R, answer: Answer) => A): Calls<R, A> => {
  type One = Call<R, A>
  const { clock, random } = env
  let bytes = 0
  let closed = false

  const table = deadlines<One>(clock, (call) => {
    if (call.cancel?.() === 'maybe') call.maybe = true
    finish(call, failing(expired(call)))
  })

  const cancelling = signals<One>((call) => {
    call.cancel?.()
    finish(call, failing({ _tag: 'Cancelled' }))
  })

  // Without an answer: whoever made the call no longer wants to know.
  const finish = (call: One, answer?: Answer): void => {
    if (call.over) return
    call.over = true
    call.cancel = undefined
    table.remove(call)
    bytes -= call.bytes
    if (call.signal !== undefined) cancelling.forget(call.signal, call)
    if (answer !== undefined) call.done(read(call.route, answer))
  }

  // What never left this process was certainly not handled; a server that kept refusing is told apart from one that is
  // not there.
  const expired = ({ kind, maybe, message, refusal, timeoutMs }: One): CallFailure => {
    if (kind === 'publish' && maybe && message.messageId !== undefined)
      return { _tag: 'OutcomeUnknown', messageId: message.messageId }
    return !maybe && refusal?._tag === 'Overloaded'
      ? refusal
      : { _tag: 'TimeoutError', afterMs: timeoutMs, waitingFor: maybe ? 'reply' : 'connection' }
  }

  // Another attempt only where the last one was certainly not handled, or where a second handling does no harm.
  const again = (call: One, { processed, retryAfterMs }: Failing): boolean => {
    if (closed || retryAfterMs === undefined || processed === 'yes') return false
    if (processed === 'no') return true
    call.maybe = true
    return call.kind === 'publish' || (call.message.idempotent && call.attempts < idempotentAttempts)
  }

  const attempt = (call: One, connection: Connection): void => {
    call.attempts += 1
    const answered = (answer: Answer): void => {
      if (call.over) return
      if (answer._tag !== 'Failing' || !again(call, answer)) {
        finish(call, answer)
        return
      }
      const jitter = call.attempts === 1 ? 0 : fullJitter(10, 1_000, call.attempts - 1, random())
      call.refusal = answer.error
      const forget = clock.after(Math.max(answer.retryAfterMs ?? 0, jitter), () => {
        // With no time left for an answer, another attempt could only make the outcome uncertain.
        if (call.dueAt - clock.now() < tickMs) return
        timeLeft(call)
        connected(call)
      })
      call.cancel = () => {
        forget()
        return 'no'
      }
    }
    const cancel =
      call.kind === 'request' ? connection.request(call.message, answered) : connection.publish(call.message, answered)
    // n.b. the answer may have come already, and with it the wait before the next attempt
    if (!call.over) call.cancel ??= cancel
  }

  // What has passed since the start of the call is no longer there for the server.
  const timeLeft = (call: One): void => {
    call.message = { ...call.message, timeoutMs: Math.max(1, call.dueAt - clock.now()) }
  }

  const connected = (call: One): void => {
    call.cancel = undefined
    const connection = source.current()
    if (connection !== undefined) {
      attempt(call, connection)
      return
    }
    void source.open().then((opened) => {
      if (call.over) return
      if (opened._tag === 'Left') finish(call, failing(callFailure(opened.left)))
      else {
        timeLeft(call)
        attempt(call, opened.right)
      }
    })
  }

  return {
    start: (kind, message, signal, now, route, done) => {
      const size = message.body.length
      const refusal: CallFailure | undefined = closed
        ? { _tag: 'Closed' }
        : signal?.aborted === true
          ? { _tag: 'Cancelled' }
          : table.all.length >= maxPending || (bytes > 0 && bytes + size > maxPendingBytes)
            ? { _tag: 'Overloaded', limit: maxPending }
            : message.timeoutMs > 0
              ? undefined
              : { _tag: 'TimeoutError', afterMs: Math.max(0, message.timeoutMs), waitingFor: 'connection' }
      const call: One = {
        kind,
        message,
        bytes: size,
        route,
        done,
        signal,
        dueAt: now + message.timeoutMs,
        timeoutMs: message.timeoutMs,
        slot: -1,
        cancel: undefined,
        attempts: 0,
        maybe: false,
        refusal: undefined,
        over: refusal !== undefined,
      }
      if (refusal !== undefined) {
        done(read(route, failing(refusal)))
        return call
      }
      bytes += size
      table.add(call)
      if (signal !== undefined) cancelling.watch(signal, call)
      connected(call)
      return call
    },
    cancel: (call) => {
      if (call.over) return
      call.cancel?.()
      finish(call)
    },
    pending: () => table.all.length,
    close: () => {
      closed = true
      for (const call of [...table.all]) {
        call.cancel?.()
        finish(call, failing({ _tag: 'Closed' }))
      }
      table.stop()
    },
  }
}

import type { Option } from 'fp-ts/lib/Option.js'

/** User headers: at most 64, 8 KiB in all. Names keep their case; the prefix `taskwire-` is reserved. */
export type Headers = Readonly<Record<string, string>>

/** What every handler is told about its message, whatever the transport. */
export interface Context<out N extends string = string> {
  /** The kind of transport: `tcp`, `memory`, `redis`, `amqp`, `kafka`. */
  readonly transport: string
  /** The token of the transport in this service. */
  readonly name: N
  /** The pattern the message was sent to, in canonical form (never a wildcard). */
  readonly pattern: string
  readonly messageId: string
  /** Shared by everything one message set off; the message's own id where it set off the chain. */
  readonly correlationId: string
  /** The id of the message whose handler sent this one (`from: context`); `none` where a chain begins. */
  readonly causationId: Option<string>
  readonly headers: Headers
  /** How many times this endpoint has started on this message, this start included: 1, 2, ... */
  readonly attempt: number
  /** When the caller stops waiting, in the monotonic milliseconds of the runtime's clock. `none` for events. */
  readonly deadline: Option<number>
  /**
   * Aborted when the caller cancelled, the time limit or the deadline passed, or the service is stopping hard.
   * n.b. made on first use (an AbortController per message halves throughput), so a spread copy of a context lacks it:
   * read it from the context itself.
   */
  readonly signal: AbortSignal
}

/** What a signal was aborted for, as its `reason`. */
export type AbortReason = 'cancelled' | 'timeout' | 'deadline' | 'stopping' | 'disconnected'

// n.b. the registry's symbol, so that the ESM and the CJS copy of this module understand each other's contexts
const state = Symbol.for('taskwire.context.abort')

interface Abortable {
  [state]: AbortController | AbortReason | undefined
}

const prototype = {
  get signal(): AbortSignal {
    const self = this as unknown as Abortable
    const current = self[state]
    if (typeof current === 'object') return current.signal
    const controller = new AbortController()
    if (current !== undefined) controller.abort(current)
    self[state] = controller
    return controller.signal
  },
}

/**
 * Makes a fresh object of fields a context: `signal` comes by itself. Takes the object over, so give it a literal.
 * 85 ns for a context of eleven fields, against 130 with a copy, 450 with an accessor of its own, 1,800 with an AbortController.
 */
export const makeContext = <F extends Omit<Context, 'signal'>>(fields: F): F & Pick<Context, 'signal'> => {
  const context = fields as unknown as Abortable
  context[state] = undefined
  return Object.setPrototypeOf(context, prototype) as F & Pick<Context, 'signal'>
}

/** Aborts the signal of a context, whether or not anybody has touched it yet. The first reason stands. */
export const abortContext = (context: Context, reason: AbortReason): void => {
  const self = context as unknown as Abortable
  const current = self[state]
  if (typeof current === 'object') current.abort(reason)
  else self[state] ??= reason
}

/** Why the signal of a context was aborted, without making one. */
export const abortedBecause = (context: Context): AbortReason | undefined => {
  const current = (context as unknown as Abortable)[state]
  return typeof current === 'object' ? (current.signal.reason as AbortReason | undefined) : current
}

/** The same context for a further start: another attempt, a fresh signal. */
export const nextAttempt = <C extends Context>(context: C, attempt: number): C => makeContext({ ...context, attempt })

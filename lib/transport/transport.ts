/** The port: what a transport is to the rest of the library. Everything else about brokers and sockets stays behind it. */
import type { IO } from 'fp-ts/lib/IO.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Observable } from 'rxjs'
import type { Capabilities } from '../core/capabilities.js'
import type { Clock, Random } from '../core/clock.js'
import type { Context, Headers } from '../core/context.js'
import type { Deliver } from '../core/delivery.js'
import type { CallFailure, ConnectError } from '../core/error.js'
import type { DeadLetter, LetterVerdict, Swept } from '../core/letter.js'
import type { Body } from '../core/settlement.js'

export type { Capabilities }

/** What a connection gets from whoever opens it. */
export interface Environment {
  readonly clock: Clock
  readonly random: Random
  /** The consumer group: the name of the service that listens, or of the client; empty when it has none. */
  readonly group: string
  /** Fresh for each runtime or client, unguessable. */
  readonly instance: string
  /** One line of text for the operator; never a payload, a stack or a credential. */
  readonly log: (line: string) => void
}

/** One endpoint, as a transport sees it. */
export interface Subscription {
  /** The endpoint's id: stable over restarts, unique in the service. */
  readonly endpoint: string
  readonly kind: 'event' | 'message'
  /** Canonical; an event's may hold wildcards. */
  readonly pattern: string
  /** How many deliveries of this subscription are handled at once. */
  readonly concurrency: number
  /**
   * How many unsettled deliveries it may hold: `concurrency`, and more where ordering keys may hold some of them back. A
   * transport that can tell takes more than `concurrency` only for those: what waits here is kept from other replicas.
   */
  readonly window: number
}

/** A message on its way out. */
export interface Outgoing {
  /** Canonical, without wildcards. */
  readonly pattern: string
  readonly body: Body
  readonly contentType: string
  readonly headers: Headers
  /** Fixed over every attempt. `undefined` on requests that are sent at most once: the transport may make one up. */
  readonly messageId: string | undefined
  /** `undefined`: the message starts a chain of its own. */
  readonly correlationId: string | undefined
  readonly causationId: string | undefined
  /** The ordering key. */
  readonly key: string | undefined
  /** Milliseconds that remain until the caller's deadline. */
  readonly timeoutMs: number
  /** The same message may be handled twice without harm. */
  readonly idempotent: boolean
  /** Fail with `NoHandler` where the transport knows that nobody subscribes. */
  readonly mandatory: boolean
}

/** How a request or a publish ended. */
export type Answer =
  | { readonly _tag: 'Accepted' }
  | { readonly _tag: 'Reply'; readonly status: 'ok' | 'error'; readonly body: Uint8Array }
  | Failing

/** It failed; `processed` says whether a handler may have run: it alone decides about another attempt. */
export interface Failing {
  readonly _tag: 'Failing'
  readonly error: CallFailure
  readonly processed: 'no' | 'maybe' | 'yes'
  /** Worth another attempt, at the earliest in so many milliseconds; `undefined` when another attempt cannot help. */
  readonly retryAfterMs: number | undefined
}

/**
 * Gives a call up: nothing is answered after it. Says whether the message may have been handled, or certainly was not
 * because it has not left this process.
 */
export type Cancel = () => 'no' | 'maybe'

export type Status = 'connecting' | 'ready' | 'lost' | 'closed'

/** Where a transport listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** The endpoint of events that dead letters are of. */
export type LetterSource = Pick<Subscription, 'endpoint' | 'pattern'>

/** One place where dead letters of a service lie. The service itself need not run. */
export interface LetterStore {
  /**
   * Shows each, the oldest first, until `look` answers false or the end is reached as it was at the start. Moves nothing, and
   * resolves when it is over, or with a Left when the broker cannot be reached or does not answer.
   */
  readonly read: (look: (letter: DeadLetter) => boolean) => TaskEither<ConnectError, void>
  /**
   * Asks for a verdict on each, from the oldest to the end as it was at the start, and applies it. Those that are kept stay as
   * they are, byte for byte, possibly behind those that come meanwhile. One that is put back goes to its endpoint alone, with
   * its message id, as attempt 1 and with `replays` one higher; it is written there before it is removed here. After a Left,
   * or two sweeps at once, nothing is lost; what was under way may lie in both places.
   */
  readonly sweep: (verdict: (letter: DeadLetter) => LetterVerdict) => TaskEither<ConnectError, Swept>
}

export interface Connection<out C extends Context = Context> {
  /**
   * Subscribes to everything at once and resolves when every subscription is live: what is published next is received.
   * The task it resolves with stops the intake: no delivery begins after it has resolved, settlements are still applied.
   */
  readonly subscribe: (
    subscriptions: ReadonlyArray<Subscription>,
    deliver: Deliver<C>,
  ) => TaskEither<ConnectError, Task<void>>
  /**
   * Publishes an event; `answer` is called exactly once, with `Accepted` or `Failing`, unless it was cancelled first. The result cancels.
   * The deadline is the caller's to keep: when it passes, the caller cancels.
   */
  readonly publish: (message: Outgoing, answer: (answer: Answer) => void) => Cancel
  /**
   * Sends a request; `answer` is called once, with `Reply` or `Failing` (streams, later: once for each item). The result
   * cancels: nothing is answered after it, and the server is told where the transport can tell it.
   */
  readonly request: (message: Outgoing, answer: (answer: Answer) => void) => Cancel
  /** Opens what calls need, ahead of the first call: it reports an unreachable peer at once instead of at a deadline. */
  readonly warm: TaskEither<ConnectError, void>
  /** The latest status first, then every change; completes after `closed`. */
  readonly status$: Observable<Status>
  /** Where it listens, once it does. */
  readonly address: () => Option<Address>
  /**
   * Events whose senders were told that they are accepted, and that nobody will handle now: refused by the runtime
   * afterwards. Complete once the connection is closed. Without it there are none.
   */
  readonly lost?: IO<number>
  /**
   * The broker has not taken what became of events for more than 5 s: acknowledgements, retries or dead letters, which are
   * tried for ever and hold up what comes next. Looked at while the connection is ready. Without it that never happens.
   */
  readonly stalled?: IO<boolean>
  /**
   * The places where dead letters of these endpoints lie, each place once, whatever else lies in it. Only where
   * `capabilities.deadLetter` is true.
   */
  readonly letters?: (sources: ReadonlyArray<LetterSource>) => ReadonlyArray<LetterStore>
  /** Flushes what was accepted, fails what is pending as `Closed`, releases every socket and timer. Idempotent. */
  readonly close: Task<void>
}

/** A way to other services. A value: nothing is opened before `connect` runs, and each run opens its own connection. */
export interface Transport<out N extends string = string, out C extends Context<N> = Context<N>> {
  readonly _tag: 'Transport'
  /** The token. */
  readonly name: N
  /** What `context.transport` says. */
  readonly kind: C['transport']
  readonly capabilities: Capabilities
  /** The service must have a name, because replicas are told apart from other services by it. */
  readonly needsName: boolean
  /** The largest body, in bytes. */
  readonly maxMessageBytes: number
  /** Options out of their range. `listen` reports them as `InvalidOption`, a client as `TransportFailed`. */
  readonly problems: ReadonlyArray<{ readonly option: string; readonly expected: string }>
  readonly connect: (environment: Environment) => TaskEither<ConnectError, Connection<C>>
}

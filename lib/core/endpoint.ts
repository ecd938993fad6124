/** Endpoints and contracts: what a service handles, and what its clients agree with it on. Plain covariant data. */
import type * as t from 'io-ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Capabilities } from './capabilities.js'
import type { Context } from './context.js'
import type { DedupeStore } from './dedupe.js'
import type { Middleware } from './outcome.js'
import type { Pattern } from './pattern.js'
import type { RetryPolicy } from './retry.js'

/** What a user passes as a codec: any io-ts type. Its decoded type is inferred, its wire type is not kept. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the wire type is of no interest, and t.Type is invariant in it
export type Codec<A> = t.Type<A, any, unknown>

/** What an endpoint keeps of a codec: the same value, covariant, so that endpoints fit into common bounds. */
export interface Kept<out A> extends t.Decoder<unknown, A> {
  readonly encode: (a: never) => unknown
}

/** Anything. As a bound it makes the compiler keep text literals, so that an inline `TE.left({ _tag: 'NotFound' })` meets its codec. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- `{}` is what the bound needs: everything but null and undefined
export type Value = Uppercase<string> | {} | null | undefined | { readonly [key: string]: Value }

/** A handler: a plain function of the decoded payload and its context. */
export type Handler<A, F, B, C = Context> = (payload: A, context: C) => TaskEither<F, B>

/** Whether another attempt can help. */
export type Classified = 'permanent' | 'retryable'

/** How an endpoint is run, and what becomes of its failures. */
export interface Policy<in A, in F> {
  /** Names the endpoint's durable place on a broker; default the canonical pattern (then `#2`, `#3` for further handlers). */
  readonly id?: string
  /** Handlers of this endpoint that run at once. Default 32. */
  readonly concurrency?: number
  /** Time limit of one start, in milliseconds. Default 30,000 for events; for messages the caller's deadline alone. */
  readonly timeout?: number
  /** Events: when to try again after a retryable failure. Default five attempts, after 1 s, 10 s, 1 min, 10 min. */
  readonly retry?: RetryPolicy
  /** Events: which declared failures another attempt can help. Default: all are permanent. */
  readonly classify?: (error: F) => Classified
  /** Deliveries with the same key are handled one after another. Default: the key the message carries, if any. */
  readonly orderingKey?: (payload: A) => string
  /**
   * Events: where those go that cannot be handled. Default: to the transport's dead letters where it has them. `true`
   * demands them (`Unsupported` otherwise), `false` drops and reports, text names the destination.
   */
  readonly deadLetter?: boolean | string
  /**
   * Remembers which messages were handled: one that comes again is not run again, and a request that is repeated with its
   * id gets the reply of the first. `false`: not here, whatever the service says. Default none.
   */
  readonly dedupe?: DedupeStore | false
}

interface Endpoint<out P extends Pattern, out A> {
  readonly pattern: P
  readonly payload: Kept<A>
  /** The tokens it listens on; `undefined`: all. */
  readonly on: ReadonlyArray<string> | undefined
  readonly policy: Policy<never, never>
  /** The middleware of the services it was included through, outermost first. */
  readonly middleware: ReadonlyArray<Middleware>
  /** The name of the service that defined it. */
  readonly origin: string
  /** What the definitions it was included with require of its transports. */
  readonly requires: ReadonlyArray<keyof Capabilities>
}

/** An event handler. Any number may share a pattern; each is settled on its own. */
export interface OnEvent<out P extends Pattern = Pattern, out A = unknown, out F = unknown> extends Endpoint<P, A> {
  readonly _tag: 'OnEvent'
  readonly handler: (payload: never, context: never) => TaskEither<F, void>
}

/** A message handler: the one that answers requests of its pattern. */
export interface OnMessage<
  out P extends Pattern = Pattern,
  out A = unknown,
  out B = unknown,
  out F = unknown,
> extends Endpoint<P, A> {
  readonly _tag: 'OnMessage'
  readonly handler: (payload: never, context: never) => TaskEither<F, B>
  readonly reply: Kept<B> | undefined
  readonly failure: Kept<F> | undefined
}

export type AnyEndpoint = OnEvent | OnMessage

/** An event, agreed on: its pattern, its payload, and the key that orders it. */
export interface EventContract<out P extends Pattern, in out A> {
  readonly _tag: 'EventContract'
  readonly pattern: P
  readonly payload: Codec<A>
  readonly key: ((payload: A) => string) | undefined
}

/** A request, agreed on: its pattern, its payload, its reply and its declared failure. */
export interface MessageContract<out P extends Pattern, in out A, out B, out F> {
  readonly _tag: 'MessageContract'
  readonly pattern: P
  readonly payload: Codec<A>
  readonly reply: Kept<B> | undefined
  readonly failure: Kept<F> | undefined
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a bound over contracts that are invariant in their payload
export type Contract = EventContract<Pattern, any> | MessageContract<Pattern, any, unknown, unknown>

/**
 * Declares an event in a module that services and clients share.
 * @param options `key` gives the ordering key of a payload (on Kafka the record key).
 */
export const event = <const P extends Pattern, A>(
  pattern: P,
  payload: Codec<A>,
  options?: { readonly key?: (payload: A) => string },
): EventContract<P, A> => ({ _tag: 'EventContract', pattern, payload, key: options?.key })

/**
 * Declares a request in a module that services and clients share. Without `reply` the value is passed on as it comes;
 * without `failure` a Left reaches the caller as `Internal`; `failure: t.never` declares that there is none.
 */
export const message = <const P extends Pattern, A, B = unknown, F = unknown>(
  pattern: P,
  codecs: { readonly request: Codec<A>; readonly reply?: Codec<B>; readonly failure?: Codec<F> },
): MessageContract<P, A, B, F> => ({
  _tag: 'MessageContract',
  pattern,
  payload: codecs.request,
  reply: codecs.reply,
  failure: codecs.failure,
})

/** The handler a contract asks for. */
export type HandlerOf<K, F, C> =
  K extends EventContract<Pattern, infer A>
    ? Handler<A, F, void, C>
    : K extends MessageContract<Pattern, infer A, infer B, infer G>
      ? Handler<A, G, B, C>
      : never

/** The endpoint that a contract becomes. */
export type EndpointOf<K, F> =
  K extends EventContract<infer P, infer A>
    ? OnEvent<P, A, F>
    : K extends MessageContract<infer P, infer A, infer B, infer G>
      ? OnMessage<P, A, B, G>
      : never

/** The policy that fits a contract. */
export type PolicyOf<K, F> =
  K extends EventContract<Pattern, infer A>
    ? Policy<A, F>
    : K extends MessageContract<Pattern, infer A, unknown, infer G>
      ? Policy<A, G>
      : never

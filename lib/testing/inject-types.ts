/** The types of `inject`: each pattern gives the payload, reply and failure of the endpoints behind it. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { AnyEndpoint, OnEvent, OnMessage } from '../core/endpoint.js'
import type { CallFailure, Failed } from '../core/error.js'
import type { Pattern } from '../core/pattern.js'

/** What running an endpoint in process can fail with. */
export type DispatchError<F> =
  | Extract<
      CallFailure,
      {
        readonly _tag:
          | 'NoHandler'
          | 'InvalidPayload'
          | 'InvalidReply'
          | 'Internal'
          | 'TimeoutError'
          | 'Cancelled'
          | 'MessageTooLarge'
      }
    >
  | Failed<F>

/** The Left of `emit`: the first failure in the order of definition, and `failures` lists all of them. */
export type EmitError<F> = DispatchError<F> & { readonly failures: ReadonlyArray<DispatchError<F>> }

export type Events<E> = Extract<E, OnEvent>
export type Messages<E> = Extract<E, OnMessage>
export type PatternOf<E> = E extends { readonly pattern: infer P } ? P : never
/** Text and number patterns, indexed once for a whole union. */
export type ByPattern<E extends AnyEndpoint> = {
  readonly [X in E as X['pattern'] extends string | number ? X['pattern'] : never]: X
}
/** What a pattern with wildcards matches, as a text type: `user.*` is `user.${string}`. */
export type Glob<P> = P extends `${infer H}*${infer R}`
  ? `${H}${string}${Glob<R>}`
  : P extends `${infer H}#${infer R}`
    ? `${H}${string}${Glob<R>}`
    : P
type Wild<E> = E extends { readonly pattern: `${string}*${string}` | `${string}#${string}` } ? E : never
type Covers<E, P> = E extends { readonly pattern: infer Q } ? (P extends Glob<Q> ? E : never) : never
type Structured<E> = Extract<E, { readonly pattern: object }>
type Same<E extends AnyEndpoint, P> = E extends { readonly pattern: P } ? (P extends E['pattern'] ? E : never) : never
// n.b. no `keyof ByPattern<E>` and no `Union['pattern']` where each call pays for it
type At<E extends AnyEndpoint, P> = P extends string | number
  ? ByPattern<E> extends { readonly [_ in P]: infer X }
    ? X
    : never
  : Same<Structured<E>, P>
/** An event reaches every handler of its pattern, so its payload must suit them all. */
type PayloadOf<X> = (X extends OnEvent<Pattern, infer A> ? (a: A) => void : never) extends (a: infer I) => void
  ? I
  : never
type FailureOf<X> = X extends OnEvent<Pattern, unknown, infer F> ? F : never
type Emit<X> = [X] extends [infer Y] ? (payload: PayloadOf<Y>) => TaskEither<EmitError<FailureOf<Y>>, void> : never
type Send<X> =
  X extends OnMessage<Pattern, infer A, infer B, infer F> ? (payload: A) => TaskEither<DispatchError<F>, B> : never

/** A service run in process, without a transport: encoding, decoding, middleware and handlers as they are when it listens. */
export interface Inject<E extends AnyEndpoint> {
  /** Runs every event handler that listens on the pattern, once each, whatever its `on`. */
  emit<const P extends Glob<PatternOf<Events<E>>>>(pattern: P): Emit<At<Events<E>, P> | Covers<Wild<Events<E>>, P>>
  /** Runs the message handler of the pattern. An undeclared Left comes back as `HandlerFailed`; over a transport it is `Internal`. */
  send<const P extends PatternOf<Messages<E>>>(pattern: P): Send<At<Messages<E>, P>>
  /** Runs whatever listens on the pattern with any value at all in place of an encoded payload. */
  raw(pattern: Pattern): (payload: unknown) => TaskEither<DispatchError<unknown>, unknown>
}

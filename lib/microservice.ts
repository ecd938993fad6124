/** The fluent builder: the only fluent thing. Every method is a new value with one field changed. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type {
  AnyEndpoint,
  Codec,
  Contract,
  EndpointOf,
  HandlerOf,
  Kept,
  OnEvent,
  OnMessage,
  Policy,
  PolicyOf,
  Value,
} from './core/endpoint.js'
import type { Middleware } from './core/outcome.js'
import type { Pattern } from './core/pattern.js'
import {
  adopt,
  empty,
  withDefaults,
  type ContextOf,
  type NameOf,
  type Service,
  type ServiceOptions,
} from './core/service.js'
import type { Transport } from './transport/transport.js'

/** Binds a handler to some of the service's transports, and narrows its context to theirs. */
export interface Bound<out N extends string> {
  readonly on?: readonly [N, ...ReadonlyArray<N>]
}
export interface EventOptions<in A, in F, out N extends string> extends Policy<A, F>, Bound<N> {}
export interface MessageOptions<in A, in out B, in out F, out N extends string> extends Policy<A, F>, Bound<N> {
  /** Encodes the reply. Use `t.strict` or `t.exact`: `t.type` lets fields through that it does not name. */
  readonly reply?: Codec<B>
  /** Declares and encodes the failure. A Left without it reaches the caller as `Internal`. */
  readonly failure?: Codec<F>
}

declare const needed: unique symbol
/** A transport that a definition needs and does not have: the service that includes it attaches it. */
export type Needed<X extends Transport> = X & { readonly [needed]: true }

/** A transport may not come after handlers that were promised a narrower context. */
export type Late<X, T, E> = [T] extends [never]
  ? X
  : [E] extends [never]
    ? X
    : 'attach every transport before the first handler'

type Missing<T2, T extends Transport> =
  T2 extends Transport<infer N> ? (N extends NameOf<T> ? never : `attach transport '${N}' before include`) : never
/** What `include` accepts: definitions without transports of their own, whose needed tokens are attached. */
// n.b. the compiler compares two builders with T2 erased to any: both must then say the same, or `Microservice` is invariant
export type Includable<T2, T extends Transport> = 0 extends 1 & T2
  ? unknown
  : [T2] extends [never]
    ? unknown
    : [T2] extends [{ readonly [needed]: true }]
      ? [Missing<T2, T>] extends [never]
        ? unknown
        : Missing<T2, T>
      : 'include takes a definition without transports; attach them to the service that includes it'

/** A service under construction; it is a `Service` at every step, and no step changes the one before. */
export interface Microservice<T extends Transport = never, E extends AnyEndpoint = never> extends Service<T, E> {
  /** Attaches a transport. Attach all of them before the first handler. */
  transport<X extends Transport>(transport: Late<X, T, E>): Microservice<T | X, E>
  /**
   * Handles an event. Any number of handlers may share a pattern; each runs and is settled on its own.
   * @param pattern text (with `*` and `#` as wildcard segments), a number, or a literal object
   * @param codec decodes the payload; a payload it refuses is set aside and never reaches the handler
   */
  onEvent<const P extends Pattern, A, F, N extends NameOf<T> = NameOf<T>>(
    pattern: P,
    codec: Codec<A>,
    handler: (payload: A, context: ContextOf<T, N>) => TaskEither<F, void>,
    options?: EventOptions<A, F, N>,
  ): Microservice<T, E | OnEvent<P, A, F>>
  // n.b. two overloads of different length: errors stay single, and only calls with codecs pay for literals
  /** Answers requests of a pattern. Without a `reply` codec the value must be JSON or void. */
  onMessage<const P extends Pattern, A, B, F>(
    pattern: P,
    codec: Codec<A>,
    handler: (payload: A, context: ContextOf<T>) => TaskEither<F, B>,
  ): Microservice<T, E | OnMessage<P, A, B, F>>
  /** Answers requests of a pattern; `reply` and `failure` encode what the handler returns. */
  onMessage<const P extends Pattern, A, B extends Value, F extends Value, N extends NameOf<T> = NameOf<T>>(
    pattern: P,
    codec: Codec<A>,
    handler: (payload: A, context: ContextOf<T, N>) => TaskEither<F, B>,
    options: MessageOptions<A, B, F, N>,
  ): Microservice<T, E | OnMessage<P, A, B, F>>
  /** Handles what a contract declares. */
  handle<K extends Contract, F, N extends NameOf<T> = NameOf<T>>(
    contract: K,
    handler: HandlerOf<K, F, ContextOf<T, N>>,
    options?: PolicyOf<K, F> & Bound<N>,
  ): Microservice<T, E | EndpointOf<K, F>>
  /** Takes over the endpoints of a definition, each within the definition's middleware. `on` binds those that have no `on`. */
  include<T2 extends Transport, E2 extends AnyEndpoint, N extends NameOf<T> = NameOf<T>>(
    definition: Service<T2, E2> & Includable<T2, T>,
    options?: Bound<N>,
  ): Microservice<T, E | E2>
  /** Wraps every endpoint of this service, wherever it stands; the first registered is outermost. */
  use(middleware: Middleware): Microservice<T, E>
}

type Anything = Policy<never, never> & {
  readonly on?: ReadonlyArray<string>
  readonly reply?: Kept<unknown>
  readonly failure?: Kept<unknown>
}
type Erased = (payload: never, context: never) => TaskEither<unknown, never>

const make = <T extends Transport, X extends AnyEndpoint>(
  s: Service<T, X>,
  on: ReadonlyArray<string> | undefined,
): Microservice<T, X> => {
  const add = (...added: ReadonlyArray<AnyEndpoint>) =>
    make({ ...s, endpoints: [...s.endpoints, ...added.map((e) => withDefaults(s.options, e))] }, on)
  const own = { middleware: [], origin: s.name, requires: [] }
  const builder = {
    ...s,
    transport: (transport: Transport) => make({ ...s, transports: [...s.transports, transport] }, on),
    onEvent: (pattern: Pattern, payload: Kept<unknown>, handler: OnEvent['handler'], options: Anything = {}) => {
      const { on: bound = on, ...policy } = options
      return add({ _tag: 'OnEvent', pattern, payload, handler, on: bound, policy, ...own })
    },
    onMessage: (
      pattern: Pattern,
      payload: Kept<unknown>,
      handler: OnMessage['handler'],
      { on: bound = on, reply, failure, ...policy }: Anything = {},
    ) => add({ _tag: 'OnMessage', pattern, payload, handler, on: bound, reply, failure, policy, ...own }),
    handle: (contract: Contract, handler: Erased, { on: bound = on, ...policy }: Anything = {}) => {
      const { pattern, payload } = contract
      if (contract._tag === 'MessageContract') {
        const { reply, failure } = contract
        return add({ _tag: 'OnMessage', pattern, payload, handler, on: bound, reply, failure, policy, ...own })
      }
      const ordered = contract.key === undefined ? policy : { orderingKey: contract.key, ...policy }
      return add({ _tag: 'OnEvent', pattern, payload, handler, on: bound, policy: ordered, ...own })
    },
    include: (definition: Service, options: { readonly on?: ReadonlyArray<string> } = {}) =>
      make(
        {
          ...s,
          endpoints: [
            ...s.endpoints,
            ...adopt(definition, options.on ?? on).map((endpoint) => withDefaults(s.options, endpoint)),
          ],
          mistakes: [
            ...s.mistakes,
            ...definition.mistakes,
            ...(definition.transports.length > 0
              ? [{ _tag: 'IncludedTransports', child: definition.name } as const]
              : []),
          ],
        },
        on,
      ),
    use: (middleware: Middleware) => make({ ...s, middleware: [...s.middleware, middleware] }, on),
  }
  // The one cast: the erased methods above are what the interface says, for every T and X.
  return Object.freeze(builder) as unknown as Microservice<T, X>
}

/**
 * Starts a definition.
 * @param name the consumer group; Redis, RabbitMQ and Kafka need one
 * @param options defaults for the endpoints that follow
 */
export function createMicroservice(name?: string, options?: ServiceOptions): Microservice
/** Starts a definition whose handlers need a transport that the including service attaches: all its endpoints are bound to it. */
export function createMicroservice<X extends Transport>(
  name: string,
  options: ServiceOptions & { readonly on: readonly [NameOf<X>, ...ReadonlyArray<NameOf<X>>] },
): Microservice<Needed<X>>
export function createMicroservice(
  name = '',
  { on, ...options }: ServiceOptions & { readonly on?: ReadonlyArray<string> } = {},
): unknown {
  return make<never, never>({ ...empty, name, options }, on)
}

/** A service definition: plain frozen data that interpreters run (`listen`), test (`inject`) or document. */
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import type { Transport } from '../transport/transport.js'
import type { Capabilities } from './capabilities.js'
import type { Context } from './context.js'
import type { DedupeStore } from './dedupe.js'
import type { AnyEndpoint, Classified, Policy } from './endpoint.js'
import type { DefinitionError } from './error.js'
import type { Middleware } from './outcome.js'
import type { RetryPolicy } from './retry.js'
import type { Serde } from './serde.js'

/** Defaults for the endpoints of a service, and what it asks of its transports. An endpoint's own option wins. */
export interface ServiceOptions {
  readonly concurrency?: number
  readonly timeout?: number
  readonly retry?: RetryPolicy
  readonly classify?: (error: unknown) => Classified
  readonly deadLetter?: boolean | string
  readonly dedupe?: DedupeStore | false
  /** The format of bodies, of the service that listens: one format for each, whatever it includes. Default JSON. */
  readonly serde?: Serde
  /**
   * Capabilities every transport must have, or of an included definition, every transport that its endpoints listen on:
   * `listen` answers `Unsupported` where one lacks them.
   */
  readonly require?: ReadonlyArray<keyof Capabilities>
}

/** What a definition is. The builder is one too. */
export interface Service<out T extends Transport = Transport, out E extends AnyEndpoint = AnyEndpoint> {
  /** The consumer group: replicas share a name, and with it the work. Empty: none. */
  readonly name: string
  readonly transports: ReadonlyArray<T>
  readonly endpoints: ReadonlyArray<E>
  /** Wraps every endpoint; the first is outermost. */
  readonly middleware: ReadonlyArray<Middleware>
  readonly options: ServiceOptions
  /** Mistakes made while composing; `listen` reports them with all the others. */
  readonly mistakes: ReadonlyArray<DefinitionError>
}

/** The token of each transport. */
export type NameOf<T extends Transport> = T['name']

/** What a handler bound to the tokens N of T sees; the base context before any transport is attached. */
export type ContextOf<T extends Transport, N extends string = string> = [T] extends [never]
  ? Context
  : T extends Transport<infer M, infer C>
    ? [M & N] extends [never]
      ? never
      : C
    : never

/** The service that does nothing: the unit of `concat`. */
export const empty: Service<never, never> = Object.freeze({
  name: '',
  transports: [],
  endpoints: [],
  middleware: [],
  options: {},
  mistakes: [],
})

/** The part of the service's options that its endpoints inherit. */
const defaultsOf = ({ serde: _, require: __, ...policy }: ServiceOptions): Policy<never, never> => policy

/** An endpoint with the defaults of a service under its own policy. */
export const withDefaults = <E extends AnyEndpoint>(options: ServiceOptions, endpoint: E): E => ({
  ...endpoint,
  policy: { ...defaultsOf(options), ...endpoint.policy },
})

/** The endpoints of a service as another one takes them over: its middleware around each, `on` where it had none, and what it requires. */
export const adopt = <E extends AnyEndpoint>(
  { middleware, endpoints, options }: Service<Transport, E>,
  on?: ReadonlyArray<string>,
): ReadonlyArray<E> =>
  endpoints.map((endpoint) => ({
    ...endpoint,
    on: endpoint.on ?? on,
    middleware: [...middleware, ...endpoint.middleware],
    requires: [...endpoint.requires, ...(options.require ?? [])],
  }))

const required = (
  { require: first = [] }: ServiceOptions,
  { require: second = [] }: ServiceOptions,
): Pick<ServiceOptions, 'require'> =>
  first.length + second.length === 0 ? {} : { require: [...new Set([...first, ...second])] }

/** Both services in one: each keeps its middleware to its own endpoints; the first name that is not empty is kept. */
export const concat = <T extends Transport, E extends AnyEndpoint, T2 extends Transport, E2 extends AnyEndpoint>(
  first: Service<T, E>,
  second: Service<T2, E2>,
): Service<T | T2, E | E2> => ({
  name: first.name === '' ? second.name : first.name,
  transports: [...first.transports, ...second.transports],
  endpoints: [...adopt(first), ...adopt(second)],
  middleware: [],
  options: { ...second.options, ...first.options, ...required(first.options, second.options) },
  mistakes: [...first.mistakes, ...second.mistakes],
})

/** Services under `concat`, with `empty` as unit (up to where middleware is kept: around the service or around each endpoint). */
export const serviceMonoid: Monoid<Service> = { concat, empty }

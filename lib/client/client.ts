import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Observable } from 'rxjs'
import type { Codec, EventContract, MessageContract } from '../core/endpoint.js'
import type { ClientError, ConnectError } from '../core/error.js'
import type { Pattern } from '../core/pattern.js'
import type { Status } from '../transport/transport.js'
import type { EmitOptions, SendOptions } from './options.js'

/**
 * Calls other services. Connects on the first call, and again whenever the connection was lost. Each run of a TaskEither
 * is a message of its own.
 */
export interface Client {
  /** Sends a request and resolves with its decoded reply, with the declared failure as `HandlerFailed`, or with what else went wrong. */
  send<A, B, F>(
    contract: MessageContract<Pattern, A, B, F>,
    payload: NoInfer<A>,
    options?: SendOptions,
  ): TaskEither<ClientError<F>, B>
  send<B>(
    pattern: Pattern,
    payload: unknown,
    reply: Codec<B>,
    options?: SendOptions,
  ): TaskEither<ClientError<unknown>, B>
  /** The same as an Observable that emits the reply and completes; unsubscribing cancels. Errors are `ClientError` values. */
  sendAsObservable<A, B>(
    contract: MessageContract<Pattern, A, B, unknown>,
    payload: NoInfer<A>,
    options?: SendOptions,
  ): Observable<B>
  sendAsObservable<B>(pattern: Pattern, payload: unknown, reply: Codec<B>, options?: SendOptions): Observable<B>
  /** Emits an event; `Right` once the transport has accepted it. */
  emit<A = unknown>(
    event: Pattern | EventContract<Pattern, A>,
    payload: NoInfer<A>,
    options?: EmitOptions,
  ): TaskEither<ClientError<never>, void>
  /** Connects ahead of the first call, and says at once when that is not possible. */
  readonly connect: TaskEither<ConnectError, void>
  /** Fails what is under way as `Closed` and releases everything. Idempotent; a closed client stays closed. */
  readonly close: Task<void>
  /** The status of the connection, the current one first. */
  readonly status$: Observable<Status>
}

const tags: ReadonlySet<string> = new Set<ClientError<unknown>['_tag']>([
  'TimeoutError',
  'NoHandler',
  'InvalidPayload',
  'InvalidReply',
  'HandlerFailed',
  'Internal',
  'Unauthorized',
  'MessageTooLarge',
  'Disconnected',
  'Overloaded',
  'Cancelled',
  'Closed',
  'OutcomeUnknown',
  'TransportFailed',
  'DriverMissing',
])

/** Whether an error of `sendAsObservable` is one of ours: rxjs has no type for errors. */
export const isClientError = (error: unknown): error is ClientError<unknown> =>
  typeof error === 'object' &&
  error !== null &&
  '_tag' in error &&
  typeof error._tag === 'string' &&
  tags.has(error._tag)

/**
 * Events and request/reply between services, as functions and values.
 *
 * @packageDocumentation
 */

// Build
export { createMicroservice } from './microservice.js'
export type { Bound, EventOptions, Includable, Late, MessageOptions, Microservice, Needed } from './microservice.js'
export { event, message } from './core/endpoint.js'
export type {
  AnyEndpoint,
  Classified,
  Codec,
  Contract,
  EndpointOf,
  EventContract,
  Handler,
  HandlerOf,
  Kept,
  MessageContract,
  OnEvent,
  OnMessage,
  Policy,
  PolicyOf,
  Value,
} from './core/endpoint.js'
export { concat, empty, serviceMonoid } from './core/service.js'
export type { ContextOf, NameOf, Service, ServiceOptions } from './core/service.js'
export { validate } from './core/validate.js'
export type { Arrival, Middleware, Outcome } from './core/outcome.js'
export type { Pattern, PatternValue } from './core/pattern.js'
export { defaultRetry, delays } from './core/retry.js'
export type { RetryPolicy, RetryStatus } from './core/retry.js'
export { compileCodec } from './core/codec/compile.js'
export type { Compilable } from './core/codec/compile.js'
export { json } from './core/serde.js'
export type { Serde } from './core/serde.js'

// Run
export { listen } from './runtime/listen.js'
export type { ListenOptions } from './runtime/listen.js'
export { memoryDedupe } from './runtime/memory-dedupe.js'
export type { MemoryDedupeOptions } from './runtime/memory-dedupe.js'
export type { Claim, DedupeStore, DedupeUnavailable, StoredReply } from './core/dedupe.js'
export { runMain } from './runtime/main.js'
export type { MainOptions } from './runtime/main.js'
export type { Health, Running, ServiceStatus, StopReport } from './runtime/running.js'
export type { OutcomeReport, Reported } from './runtime/report.js'
export type { Limits } from './runtime/lifecycle.js'
export type { Surroundings } from './runtime/environment.js'
export { realClock, secureRandom } from './core/clock.js'
export type { Clock, Random } from './core/clock.js'

// Look after dead letters
export { deadLetters } from './letters/dead-letters.js'
export type {
  DeadLetters,
  LetterOf,
  LetterSelection,
  LetterSweep,
  PurgeReport,
  RedriveReport,
  RefusedLetter,
  SentTo,
} from './letters/types.js'
export type { DeadLetter, LetterVerdict, Swept } from './core/letter.js'

// Call
export { createClient, createClients } from './client/create.js'
export type { ClientOptions, Clients, Reserved } from './client/create.js'
export { isClientError } from './client/client.js'
export type { Client } from './client/client.js'
export type { EmitOptions, SendOptions } from './client/options.js'
export { orThrow } from './client/or-throw.js'

// Handle
export type { AbortReason, Context, Headers } from './core/context.js'

// Errors
export { render } from './core/render.js'
export type { Renderable } from './core/render.js'
export type * from './core/error.js'

// Transports
export type {
  Address,
  Answer,
  Cancel,
  Capabilities,
  Connection,
  Environment,
  Failing,
  LetterSource,
  LetterStore,
  Outgoing,
  Status,
  Subscription,
  Transport,
} from './transport/transport.js'
export type { Deliver, Delivery, Withdraw } from './core/delivery.js'
export type { Body, Reason, Settlement } from './core/settlement.js'
export type { Decision } from './core/settle.js'

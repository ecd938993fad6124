/**
 * Every error of the library, as closed unions of tagged values. Users meet three of them: `StartError` (`listen`),
 * `ClientError<F>` (a call) and `DispatchError<F>` (`inject`). Each says who can act. None carries a payload value, a
 * stack or a credential.
 */

/** Where a value did not match its codec, and what the codec expected there. Never the value. */
export interface Issue {
  /** Path from the root, segments joined with dots; empty for the root itself. */
  readonly path: string
  readonly expected: string
}

/** The deadline passed. `waitingFor` says what the call was still waiting for. */
export interface TimeoutError {
  readonly _tag: 'TimeoutError'
  /** Milliseconds from the start of the call (or of the handler) to the deadline. */
  readonly afterMs: number
  readonly waitingFor: 'connection' | 'reply' | 'handler'
}
/** Nobody handles the pattern. Remedy: start the service, or correct the pattern. */
export interface NoHandler {
  readonly _tag: 'NoHandler'
  readonly pattern: string
}
/** The payload, a header or the pattern was refused. Remedy: the caller corrects what `issues` names. */
export interface InvalidPayload {
  readonly _tag: 'InvalidPayload'
  readonly issues: ReadonlyArray<Issue>
}
/** The reply (or the declared failure) did not match the caller's codec. Remedy: align the two contracts. */
export interface InvalidReply {
  readonly _tag: 'InvalidReply'
  readonly issues: ReadonlyArray<Issue>
}
/** The handler threw, rejected, or failed with an error it did not declare. The server's log has the details under `errorId`. */
export interface Internal {
  readonly _tag: 'Internal'
  readonly errorId: string
}
/** The connection was lost. `maybeProcessed` tells whether the message may have been handled. */
export interface Disconnected {
  readonly _tag: 'Disconnected'
  readonly maybeProcessed: boolean
}
/** A bound was reached: pending calls, queued bytes, or the server's queue. Remedy: slow down or add replicas. */
export interface Overloaded {
  readonly _tag: 'Overloaded'
  /** The bound that was reached. */
  readonly limit: number
}
/** The caller cancelled: its signal was aborted, or its subscription ended. */
export interface Cancelled {
  readonly _tag: 'Cancelled'
}
/** The client, or the service whose client it is, was closed. */
export interface Closed {
  readonly _tag: 'Closed'
}
/** The transport may or may not have taken the event. Remedy: emit again with this `messageId`. */
export interface OutcomeUnknown {
  readonly _tag: 'OutcomeUnknown'
  readonly messageId: string
}
/** Credentials were missing or refused, or the call is not allowed. */
export interface Unauthorized {
  readonly _tag: 'Unauthorized'
  readonly message: string
}
/** The message is larger than the transport takes. Nothing was sent. */
export interface MessageTooLarge {
  readonly _tag: 'MessageTooLarge'
  readonly limitBytes: number
}
/** The transport failed in a way no other tag names. `cause` is the foreign error, for logs. */
export interface TransportFailed {
  readonly _tag: 'TransportFailed'
  /** The token of the transport. */
  readonly name: string
  readonly message: string
  readonly cause: unknown
}
/** The transport's driver is not installed. */
export interface DriverMissing {
  readonly _tag: 'DriverMissing'
  readonly driver: string
  /** The command that installs it. */
  readonly install: string
}
/** What the handler declared as its failure and returned as its Left. */
export interface HandlerFailed<out F> {
  readonly _tag: 'HandlerFailed'
  readonly error: F
}

/** What a server may answer in place of a reply. */
export type Failure =
  TimeoutError | NoHandler | InvalidPayload | Internal | Overloaded | Cancelled | Unauthorized | MessageTooLarge

/** Everything a call can fail with, apart from what its handler declared. */
export type CallFailure =
  Failure | InvalidReply | Disconnected | Closed | OutcomeUnknown | TransportFailed | DriverMissing

// n.b. distributes, and vanishes for never: `emit` has no HandlerFailed to handle
export type Failed<F> = F extends unknown ? HandlerFailed<F> : never

/** Everything a call can fail with. `HandlerFailed` carries the declared failure; every other tag is machinery. */
export type ClientError<F> = CallFailure | Failed<F>

/** Two message handlers of one service for one pattern. */
export interface DuplicatePattern {
  readonly _tag: 'DuplicatePattern'
  readonly pattern: string
}
/** Two endpoints of one service share an id. Remedy: give one an `id` of its own. */
export interface DuplicateEndpoint {
  readonly _tag: 'DuplicateEndpoint'
  readonly id: string
}
/** Two transports share a token. Remedy: give one a `name`. */
export interface DuplicateToken {
  readonly _tag: 'DuplicateToken'
  readonly token: string
}
/** `on` names a token that no transport carries. */
export interface UnknownToken {
  readonly _tag: 'UnknownToken'
  readonly token: string
  readonly pattern: string
}
/** The pattern cannot be used. `reason` says why. */
export interface InvalidPattern {
  readonly _tag: 'InvalidPattern'
  readonly pattern: string
  readonly reason: string
}
/** An option of an endpoint or of the service is out of its range. */
export interface InvalidOption {
  readonly _tag: 'InvalidOption'
  readonly option: string
  readonly expected: string
  /** The endpoint's pattern, or `undefined` for an option of the service. */
  readonly pattern: string | undefined
}
/** The service has no transport to listen on. */
export interface NoTransport {
  readonly _tag: 'NoTransport'
}
/** A child that has transports was included. Remedy: attach transports to the service that includes it. */
export interface IncludedTransports {
  readonly _tag: 'IncludedTransports'
  readonly child: string
}
/** The transport shares work by the service's name, and the service has none. */
export interface NameRequired {
  readonly _tag: 'NameRequired'
  readonly transport: string
}

export type DefinitionError =
  | DuplicatePattern
  | DuplicateEndpoint
  | DuplicateToken
  | UnknownToken
  | InvalidPattern
  | InvalidOption
  | NoTransport
  | IncludedTransports
  | NameRequired

/** Every error of a definition, found at once before anything connects. */
export interface InvalidDefinition {
  readonly _tag: 'InvalidDefinition'
  readonly errors: ReadonlyArray<DefinitionError>
}
/** A definition asked explicitly for what the transport cannot do. */
export interface Unsupported {
  readonly _tag: 'Unsupported'
  /** The token of the transport. */
  readonly transport: string
  readonly capability: string
  /** The id of the endpoint that asked, or `undefined` when the service did. */
  readonly endpoint: string | undefined
}
/** Destinations that do not exist on the broker. */
export interface TopicMissing {
  readonly _tag: 'TopicMissing'
  readonly topics: ReadonlyArray<string>
}
/** A destination exists on the broker with other arguments. */
export interface TopologyMismatch {
  readonly _tag: 'TopologyMismatch'
  readonly message: string
}

/** What a transport can fail to connect or subscribe with. */
export type ConnectError = DriverMissing | TopicMissing | TopologyMismatch | Unauthorized | TransportFailed
/** What `listen` can fail with. Nothing is left running. */
export type StartError = InvalidDefinition | Unsupported | ConnectError

/** The port to a memory of messages that were handled: what has to happen once per message id asks it first. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'

/** The store did not answer. `message` is for the log: no credentials, no payload. */
export interface DedupeUnavailable {
  readonly _tag: 'DedupeUnavailable'
  readonly message: string
}

/** An answer that is kept: the value (`ok`), the declared failure (`error`), encoded; or a failure of the library's. */
export interface StoredReply {
  readonly status: 'ok' | 'error' | 'failure'
  readonly body: Uint8Array
}

/** What is known of a message. */
export type Claim =
  /** Nothing: it is the caller's now, who completes or abandons it with this token. */
  | { readonly _tag: 'Fresh'; readonly token: string }
  /** Somebody has claimed it, and its lease is not over. */
  | { readonly _tag: 'Running' }
  /** It was handled; a request was answered so. */
  | { readonly _tag: 'Done'; readonly reply: StoredReply | undefined }

/**
 * Remembers messages that were handled. Each function is one step that nobody else's can come between; tasks never reject.
 * The runtime gives up on a call after five seconds.
 */
export interface DedupeStore {
  /** The largest reply that is kept, in bytes; in place of a larger one it is given a failure that says so. */
  readonly maxReplyBytes: number
  /** Claims a message, for `leaseMs` at most: then it is anybody's again. Keys are compared byte by byte. */
  readonly begin: (key: string, leaseMs: number) => TaskEither<DedupeUnavailable, Claim>
  /** It was handled. Changes nothing where somebody else has claimed or completed it since: the token is an older one's. */
  readonly complete: (
    key: string,
    token: string,
    reply: StoredReply | undefined,
  ) => TaskEither<DedupeUnavailable, unknown>
  /** It was not handled, and may be begun again. Changes nothing where the claim is not the token's any more. */
  readonly abandon: (key: string, token: string) => TaskEither<DedupeUnavailable, unknown>
  /** Options out of their range. `listen` reports them as `InvalidOption`. Default none. */
  readonly problems?: ReadonlyArray<{ readonly option: string; readonly expected: string }>
}

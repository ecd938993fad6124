import type { Failure } from './error.js'

/** A body on its way out: text is written into the frame without a copy in between, bytes are sent as they are. */
export type Body = string | Uint8Array

/** Why a message was not handled for good; the classes are closed, so that they can be counted. */
export interface Reason {
  readonly _tag: 'InvalidPayload' | 'HandlerFailed' | 'Defect' | 'Timeout' | 'AttemptsExhausted' | 'NoHandler'
  /** Safe to store and to show: never a payload value, never a stack. */
  readonly message: string
  /** Finds the details in the log of the service; only on defects. */
  readonly errorId: string | undefined
  /** Handler starts so far. */
  readonly attempts: number
  /** Unix milliseconds. */
  readonly firstFailedAt: number
  readonly lastFailedAt: number
}

/** What a transport has to do with a delivery, now that it is over. A transport applies it, and never decides. */
export type Settlement =
  /** Event: done. */
  | { readonly _tag: 'Ack' }
  /** Request: the value (`ok`) or the declared failure (`error`), encoded. */
  | { readonly _tag: 'Reply'; readonly status: 'ok' | 'error'; readonly body: Body }
  /** Request: it failed, or was refused by policy. */
  | { readonly _tag: 'Fail'; readonly failure: Failure }
  /** Never started: a request is answered as *not processed*, an event is left for another replica or a later run. */
  | { readonly _tag: 'Refuse'; readonly because: 'draining' | 'overloaded'; readonly limit: number }
  /** Event: deliver it again to this endpoint in `delayMs`, as number `attempt`; it holds no slot meanwhile. */
  | { readonly _tag: 'Retry'; readonly delayMs: number; readonly attempt: number; readonly reason: Reason }
  /** Event: set it aside, with its bytes and headers as they came; `to` names a destination other than the transport's own. */
  | { readonly _tag: 'DeadLetter'; readonly reason: Reason; readonly to?: string }

/** Calls on the client while they wait, for a connection or for their answer. */
import { noHeaders } from '../../core/envelope.js'
import type { Answer, Outgoing } from '../transport.js'

/**
 * A call and where it stands. Mutable, and linked into its queue by itself: it is made for every call, and must leave
 * a queue of thousands at once when it is cancelled.
 */
export interface Call {
  readonly kind: 'request' | 'event'
  readonly message: Outgoing
  readonly answer: (answer: Answer) => void
  /** Metadata beside pattern and time limit. */
  readonly more: Uint8Array | undefined
  /** The id of its frame on `link`, the connection it went by; 0 before it was written. */
  id: number
  link: { readonly cancel: (call: Call) => void } | undefined
  /** Answered or cancelled: what comes for it is dropped. */
  over: boolean
  /** When it began to wait, where it waits: its time limit shrinks meanwhile. */
  queuedAt: number
  /** The endpoints that have no handler for it. */
  tried: ReadonlyArray<object>
  queue: Calls | undefined
  before: Call | undefined
  after: Call | undefined
}

const none: ReadonlyArray<object> = []

/** A call that stands nowhere yet. */
export const callOf = (
  kind: Call['kind'],
  message: Outgoing,
  answer: Call['answer'],
  more: Uint8Array | undefined,
): Call => ({
  kind,
  message,
  answer,
  more,
  id: 0,
  link: undefined,
  over: false,
  queuedAt: -1,
  tried: none,
  queue: undefined,
  before: undefined,
  after: undefined,
})

const noMessage: Outgoing = {
  pattern: '',
  body: '',
  contentType: '',
  headers: noHeaders,
  messageId: undefined,
  correlationId: undefined,
  causationId: undefined,
  key: undefined,
  timeoutMs: 0,
  idempotent: false,
  mandatory: false,
}
const nobody = (): void => undefined

/** What stands for a call that is over while the server has not answered: thousands of them must not hold their bodies. */
export const spent = ({ kind, id }: Call): Call => ({
  ...callOf(kind, noMessage, nobody, undefined),
  id,
  over: true,
})

/** A queue that calls can leave from the middle. */
export interface Calls {
  readonly first: () => Call | undefined
  readonly add: (call: Call) => void
  readonly remove: (call: Call) => void
}

/** About how much memory a call holds. */
export const weight = (call: Call): number => call.message.body.length + 200

/** What several queues hold together. */
export interface Tally {
  count: number
  bytes: number
}

/** An empty queue that counts its calls in `tally` too. */
export const calls = (tally: Tally): Calls => {
  let head: Call | undefined
  let tail: Call | undefined
  const self: Calls = {
    first: () => head,
    add: (call) => {
      call.queue = self
      call.before = tail
      call.after = undefined
      if (tail === undefined) head = call
      else tail.after = call
      tail = call
      tally.count += 1
      tally.bytes += weight(call)
    },
    remove: (call) => {
      if (call.queue !== self) return
      if (call.before === undefined) head = call.after
      else call.before.after = call.after
      if (call.after === undefined) tail = call.before
      else call.after.before = call.before
      call.queue = undefined
      call.before = undefined
      call.after = undefined
      tally.count -= 1
      tally.bytes -= weight(call)
    },
  }
  return self
}

/** Replies: from a settlement to fields and a body, and from those to an answer. */
import { decodeFailure, encodeFailure } from '../../core/envelope.js'
import { exceeds } from '../../core/serde.js'
import type { Failure } from '../../core/error.js'
import type { Body, Settlement } from '../../core/settlement.js'
import type { Answer } from '../transport.js'
import { field, numberOf, type Fields } from './attributes.js'
import { disconnected, failing, transportFailed } from './failing.js'

/** `refused`: not processed, and worth another attempt. */
export interface Reply {
  readonly status: 'ok' | 'error' | 'failure' | 'refused'
  /** Of a failure. */
  readonly code: number | undefined
  readonly body: Body
}

/** When a replica that refused, or another one, is worth another attempt, in milliseconds. */
const retryAfterMs = 100

const failed = (failure: Failure, status: 'failure' | 'refused' = 'failure'): Reply => ({
  status,
  ...encodeFailure(failure),
})

// A request that the runtime found expired when it came was not processed: if its caller still waits, their clocks differ.
const expiredUnread = (failure: Failure): boolean => failure._tag === 'TimeoutError' && failure.afterMs === 0

/** The reply of a request. Its body has at most `most` bytes. */
export const replyOf = (settlement: Settlement, most: number): Reply => {
  switch (settlement._tag) {
    case 'Reply':
      return exceeds(settlement.body, most)
        ? failed({ _tag: 'MessageTooLarge', limitBytes: most })
        : { status: settlement.status, code: undefined, body: settlement.body }
    case 'Fail':
      return failed(settlement.failure, expiredUnread(settlement.failure) ? 'refused' : 'failure')
    case 'Refuse':
      return settlement.because === 'overloaded'
        ? failed({ _tag: 'Overloaded', limit: settlement.limit }, 'refused')
        : { status: 'refused', code: undefined, body: '' }
    case 'Ack':
      return { status: 'ok', code: undefined, body: '' }
    case 'Retry':
    case 'DeadLetter':
      // Requests are settled with neither; a caller is still answered.
      return failed({ _tag: 'Internal', errorId: settlement.reason.errorId ?? '' })
  }
}

/** The fields of a reply. */
export const writeReply = (into: Record<string, string>, { status, code }: Reply): void => {
  into[field.status] = status
  if (code !== undefined) into[field.code] = String(code)
}

/** What a reply means. `name` is the transport's token. */
export const answerOf = (name: string, fields: Fields, body: Uint8Array): Answer => {
  const status = fields[field.status]
  if (status === 'ok' || status === 'error') return { _tag: 'Reply', status, body }
  const code = numberOf(fields, field.code)
  const failure = code === undefined ? undefined : decodeFailure(code, body)
  if (status === 'refused')
    return failure === undefined ? { ...disconnected(false), retryAfterMs } : failing(failure, 'no', retryAfterMs)
  return failing(
    failure ??
      transportFailed(name, `a reply of status ${JSON.stringify(status)} and code ${String(code)} is not known here`),
    'yes',
  )
}

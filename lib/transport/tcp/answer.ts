/** How a server answers: settlements and refusals as frames. */
import type { Failure } from '../../core/error.js'
import { encodeFailure, maxIssues } from '../../core/envelope.js'
import type { Settlement } from '../../core/settlement.js'
import { larger } from './bounds.js'
import type { Out } from './channel.js'
import { frameType, refusal, retryAfter } from './frame.js'
import type { Refusal } from './frame.js'
import { metaKey } from './key.js'
import { encodeMeta } from './meta.js'
import { noBytes } from './writer.js'

const errorStatus = encodeMeta([[metaKey.status, 1]])

const codeMeta = (code: number, retryAfterMs?: number): Buffer =>
  encodeMeta([
    [metaKey.code, code],
    ...(retryAfterMs === undefined ? [] : [[metaKey.retryAfterMs, retryAfterMs] as const]),
  ])

/** What every peer takes, without header and metadata. */
const mostDetails = 16_384 - 64

/** A failure as it fits the smallest frames: with fewer issues, or a shorter text. */
const details = (failure: Failure): { readonly code: number; readonly body: string } => {
  const found = encodeFailure(failure)
  if (!larger(found.body, mostDetails)) return found
  if (failure._tag === 'InvalidPayload' && failure.issues.length > 0)
    return details({ ...failure, issues: failure.issues.slice(0, Math.min(failure.issues.length, maxIssues) - 1) })
  if (failure._tag === 'Unauthorized' && failure.message.length > 1_000)
    return details({ ...failure, message: failure.message.slice(0, 1_000) })
  return found
}

/** Not processed, for a reason that a failure details. */
export const reject = (out: Out, id: number, code: Refusal, failure?: Failure): void => {
  const after =
    code === refusal.overloaded ? retryAfter.overloaded : code === refusal.draining ? retryAfter.draining : undefined
  const body = failure === undefined ? noBytes : details(failure).body
  out.frame(frameType.rejected, 0, id, codeMeta(code, after), -1, undefined, body)
}

export const accept = (out: Out, id: number): void => {
  out.frame(frameType.eventAck, 0, id, noBytes, -1, undefined, noBytes)
}

const fail = (out: Out, id: number, failure: Failure): void => {
  const { code, body } = details(failure)
  out.frame(frameType.failure, 0, id, codeMeta(code), -1, undefined, body)
}

/** Never started: the caller may try elsewhere. */
export const refuse = (out: Out, id: number, settlement: Settlement & { readonly _tag: 'Refuse' }): void => {
  if (settlement.because === 'draining') reject(out, id, refusal.draining)
  else reject(out, id, refusal.overloaded, { _tag: 'Overloaded', limit: settlement.limit })
}

/**
 * Answers a request with its settlement. `limit` is the largest body that the caller takes, `buffer` the bytes that may
 * wait for it while it reads slowly: a reply beyond them fails, so that one burst does not cost it the connection.
 */
export const reply = (out: Out, id: number, settlement: Settlement, limit: number, buffer: number): void => {
  switch (settlement._tag) {
    case 'Reply': {
      const { body, status } = settlement
      if (larger(body, limit)) return fail(out, id, { _tag: 'MessageTooLarge', limitBytes: limit })
      if (out.full(body.length)) return fail(out, id, { _tag: 'Overloaded', limit: buffer })
      return out.frame(frameType.reply, 0, id, status === 'ok' ? noBytes : errorStatus, -1, undefined, body)
    }
    case 'Fail':
      return fail(out, id, settlement.failure)
    case 'Refuse':
      return refuse(out, id, settlement)
    case 'Ack':
      return out.frame(frameType.reply, 0, id, noBytes, -1, undefined, noBytes)
    case 'Retry':
    case 'DeadLetter':
      // Requests are settled with neither; a caller is still answered.
      return fail(out, id, { _tag: 'Internal', errorId: settlement.reason.errorId ?? '' })
  }
}

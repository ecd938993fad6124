/** How calls end badly: what is on the wire, and what becomes of connections, as the port's `Failing`. */
import type { CallFailure, TransportFailed } from '../../core/error.js'
import { decodeFailure, failureCode } from '../../core/envelope.js'
import type { Failing, Outgoing } from '../transport.js'
import { refusal, retryAfter } from './frame.js'
import { metaKey } from './key.js'
import { decodeMeta } from './meta.js'

/** A failure of a call that no other attempt can help. */
export const failing = (
  error: CallFailure,
  processed: Failing['processed'] = 'no',
  retryAfterMs?: number,
): Failing => ({ _tag: 'Failing', error, processed, retryAfterMs })

/** The code of a system error, or its first line: never an address with credentials, never a stack. */
export const reasonOf = (error: unknown): string => {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  if (typeof code === 'string') return code
  return typeof message === 'string' ? (message.split('\n')[0] ?? '').slice(0, 200) : 'unknown'
}

export const transportFailed = (name: string, message: string, cause?: unknown): TransportFailed => ({
  _tag: 'TransportFailed',
  name,
  message,
  cause,
})

/** A call whose connection is gone. */
export const disconnected = (maybeProcessed: boolean): Failing =>
  failing({ _tag: 'Disconnected', maybeProcessed }, maybeProcessed ? 'maybe' : 'no', 0)

/** What a FAILURE says: the server ran, or may have run, a handler. */
export const failureOf = (name: string, bytes: Buffer, meta: number, body: number, end: number): Failing | string => {
  const found = decodeMeta(bytes, meta, body)
  if (typeof found === 'string') return found
  const code = found.number(metaKey.code) ?? 0
  const failure = decodeFailure(code, bytes.subarray(body, end))
  return failing(
    failure ??
      transportFailed(name, `the server answered with failure ${String(code)}, which this version does not know`),
    'yes',
  )
}

/** What a REJECTED says: no handler ran. */
export const rejectionOf = (
  name: string,
  message: Outgoing,
  bytes: Buffer,
  meta: number,
  body: number,
  end: number,
): Failing | string => {
  const found = decodeMeta(bytes, meta, body)
  if (typeof found === 'string') return found
  const code = found.number(metaKey.code) ?? 0
  const after = found.number(metaKey.retryAfterMs)
  const details = bytes.subarray(body, end)
  const told = (failure: number): Failing =>
    failing(decodeFailure(failure, details) ?? transportFailed(name, `rejected with code ${String(code)}`))
  switch (code) {
    case refusal.overloaded:
      return { ...told(failureCode.Overloaded), retryAfterMs: after ?? retryAfter.overloaded }
    case refusal.draining:
      return { ...disconnected(false), retryAfterMs: after ?? retryAfter.draining }
    case refusal.noHandler:
      return failing({ _tag: 'NoHandler', pattern: message.pattern })
    case refusal.expired:
      return failing({ _tag: 'TimeoutError', afterMs: message.timeoutMs, waitingFor: 'reply' })
    case refusal.unauthorized:
      return told(failureCode.Unauthorized)
    case refusal.badMessage:
      return told(failureCode.InvalidPayload)
    default:
      return failing(transportFailed(name, `the server rejected the message with code ${String(code)}`))
  }
}

/** The status of a reply; `undefined` when its metadata is malformed. */
export const statusOf = (bytes: Buffer, meta: number, body: number): 'ok' | 'error' | undefined => {
  // The short way: all that a reply of this version carries.
  if (body - meta === 3 && bytes[meta] === metaKey.status && bytes[meta + 1] === 1)
    return bytes[meta + 2] === 0 ? 'ok' : 'error'
  const found = decodeMeta(bytes, meta, body)
  return typeof found === 'string' ? undefined : (found.number(metaKey.status) ?? 0) === 0 ? 'ok' : 'error'
}

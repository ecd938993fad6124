/** How calls over brokers end badly. */
import type { CallFailure, TransportFailed } from '../../core/error.js'
import type { Failing } from '../transport.js'

/** A failure of a call; without `retryAfterMs` no other attempt can help. */
export const failing = (
  error: CallFailure,
  processed: Failing['processed'] = 'no',
  retryAfterMs?: number,
): Failing => ({ _tag: 'Failing', error, processed, retryAfterMs })

/** `cause` stays in this process; `message` may be logged: no payload, no credentials. */
export const transportFailed = (name: string, message: string, cause?: unknown): TransportFailed => ({
  _tag: 'TransportFailed',
  name,
  message,
  cause,
})

/** When what failed on the way to the broker is worth another attempt, in milliseconds. */
const retryAfterMs = 50

/** The connection was lost: before the message left, or when it may have arrived. */
export const disconnected = (maybeProcessed: boolean): Failing =>
  failing({ _tag: 'Disconnected', maybeProcessed }, maybeProcessed ? 'maybe' : 'no', retryAfterMs)

/** The caller's own connection was closed. */
export const closed = (processed: 'no' | 'maybe'): Failing => failing({ _tag: 'Closed' }, processed)

// user:password@ of a URL
const credentials = /\/\/[^/@\s]*@/g

/** The code of a driver's error, or its first line: no address with credentials, no stack. */
export const reasonOf = (error: unknown): string => {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  const text = typeof message === 'string' && message !== '' ? message : typeof code === 'string' ? code : 'unknown'
  return (text.split('\n')[0] ?? '').replaceAll(credentials, '//').slice(0, 200)
}

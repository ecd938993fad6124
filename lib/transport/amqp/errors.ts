/** What errors of the driver mean. */
import type { CallFailure, ConnectError } from '../../core/error.js'
import { reasonOf, transportFailed } from '../broker/failing.js'

// Reply codes of AMQP 0-9-1: they are the `code` of the driver's errors, but stand in the text alone during the handshake.
const codeOf = (error: unknown): number | undefined => {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  if (typeof code === 'number') return code
  const found = /terminated by server: (\d{3}) /.exec(reasonOf(error))
  return found === null ? undefined : Number(found[1])
}

/** The error of an attempt to connect, to declare or to consume. */
export const connectError = (name: string, doing: string, error: unknown): ConnectError => {
  const reason = reasonOf(error)
  const message = `${doing}: ${reason}`
  switch (codeOf(error)) {
    case 403:
      return { _tag: 'Unauthorized', message }
    case 405:
    case 406:
      return { _tag: 'TopologyMismatch', message }
    case 530:
      // NOT_ALLOWED: there is no such virtual host, or it is not this user's.
      return reason.includes('refused') ? { _tag: 'Unauthorized', message } : { _tag: 'TopologyMismatch', message }
    default:
      return transportFailed(name, message, error)
  }
}

/** The channel or connection was closed before anything was written. */
export const isClosed = (error: unknown): boolean =>
  (error as { readonly name?: unknown } | undefined)?.name === 'IllegalOperationError'

/** The same, as callers are told. */
export const callFailure = (name: string, error: ConnectError): CallFailure =>
  error._tag === 'TopologyMismatch'
    ? transportFailed(name, error.message, error)
    : error._tag === 'TopicMissing'
      ? transportFailed(name, 'a queue is missing', error)
      : error

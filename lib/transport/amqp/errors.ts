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

// The broker's own sentence: it names a queue of up to 255 bytes, and both values of what differs.
const said = (error: unknown): string => {
  const { message } = (error ?? {}) as { readonly message?: unknown }
  return /with message "(.*)"$/s.exec(String(message))?.[1]?.slice(0, 1_000) ?? reasonOf(error)
}

// n.b. the driver does not tell why the broker closes instead of opening a virtual host
const noVirtualHost = /^Expected ConnectionOpenOk; got <ConnectionClose/

/** The error of an attempt to connect, to declare or to consume. */
export const connectError = (name: string, doing: string, error: unknown): ConnectError => {
  const reason = said(error)
  if (noVirtualHost.test(reason)) {
    const why = 'it does not exist, this user has no access, or it takes no more connections'
    return { _tag: 'TopologyMismatch', message: `${doing}: the broker refuses the virtual host (${why})` }
  }
  const message = `${doing}: ${reason}`
  switch (codeOf(error)) {
    case 403:
      return { _tag: 'Unauthorized', message }
    case 405:
    case 406:
      return { _tag: 'TopologyMismatch', message }
    default:
      return transportFailed(name, message, error)
  }
}

/** The queue that was asked for does not exist. */
export const isMissing = (error: unknown): boolean => codeOf(error) === 404

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

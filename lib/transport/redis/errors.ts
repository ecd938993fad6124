/** What an error of ioredis means. */
import type { ConnectError } from '../../core/error.js'
import type { Failing } from '../transport.js'
import { disconnected, failing, reasonOf as firstLineOf, transportFailed } from '../broker/failing.js'

const messageOf = (error: unknown): string => {
  const { message } = (error ?? {}) as { readonly message?: unknown }
  return typeof message === 'string' ? message : ''
}

/** What an error says. n.b. a command that Redis does not know is quoted with its arguments: payloads, passwords. */
export const reasonOf = (error: unknown): string => firstLineOf(error).split(', with args')[0] ?? ''

// n.b. errors of the driver carry the command with all of its arguments
const causeOf = (error: unknown): unknown => {
  const { name, code } = (error ?? {}) as { readonly name?: unknown; readonly code?: unknown }
  return { name, code, message: reasonOf(error) }
}

/** Redis answered, with an error: the command was not executed. */
export const isAnswer = (error: unknown): boolean =>
  (error as { readonly name?: unknown } | undefined)?.name === 'ReplyError'

/** The first word of what Redis answered: `NOGROUP`, `WRONGTYPE`, `OOM`, ... */
export const codeOf = (error: unknown): string => (isAnswer(error) ? (messageOf(error).split(' ')[0] ?? '') : '')

/** The key is gone, or the group: both can be made again. */
export const isGone = (error: unknown): boolean =>
  codeOf(error) === 'NOGROUP' || codeOf(error) === 'UNBLOCKED' || messageOf(error).includes('no longer exists')

// n.b. with the queue of commands off, what could not be written is told apart
const unsent = (error: unknown): boolean => messageOf(error).startsWith("Stream isn't writeable")

const unauthorized: ReadonlyArray<string> = ['WRONGPASS', 'NOAUTH', 'NOPERM']

const isUnauthorized = (error: unknown): boolean =>
  unauthorized.includes(codeOf(error)) || /invalid (username|password)/.test(messageOf(error))

/** Answers that mean `not now`. */
const passing: ReadonlyArray<string> = [
  'LOADING',
  'READONLY',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'BUSY',
  'NOREPLICAS',
]

/** How a call ends whose command failed. */
export const callFailed = (name: string, error: unknown): Failing => {
  if (!isAnswer(error)) return disconnected(!unsent(error))
  const code = codeOf(error)
  if (code === 'OOM') return failing({ _tag: 'Overloaded', limit: 0 }, 'no', 1_000)
  if (passing.includes(code)) return disconnected(false)
  return failing(
    isUnauthorized(error)
      ? { _tag: 'Unauthorized', message: reasonOf(error) }
      : transportFailed(name, reasonOf(error), causeOf(error)),
  )
}

/** How connecting or subscribing ends. */
export const connectFailed = (name: string, what: string, error: unknown): ConnectError =>
  isUnauthorized(error)
    ? { _tag: 'Unauthorized', message: reasonOf(error) }
    : codeOf(error) === 'WRONGTYPE'
      ? { _tag: 'TopologyMismatch', message: `${what}: the key holds something else` }
      : transportFailed(name, `${what}: ${reasonOf(error)}`, causeOf(error))

/** How a call ends where there will never be a connection. */
export const neverConnected = (name: string, error: ConnectError): Failing =>
  failing(
    error._tag === 'TopicMissing' || error._tag === 'TopologyMismatch'
      ? transportFailed(name, 'there is no connection', error)
      : error,
  )

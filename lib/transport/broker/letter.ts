/** Dead letters: what is added to the fields of an event that is set aside. */
import { reservedPrefix } from '../../core/envelope.js'
import type { Reason } from '../../core/settlement.js'
import type { Environment } from '../transport.js'
import type { Writing } from './attributes.js'

const dead = `${reservedPrefix}dead-`

/** Names of the fields of a dead letter. */
export const letterField = {
  /** The class: `invalid-payload`, `handler-failed`, `defect`, `timeout`, `attempts-exhausted`, `no-handler`. */
  reason: `${dead}reason`,
  message: `${dead}message`,
  errorId: `${dead}error-id`,
  /** Handler starts. */
  attempts: `${dead}attempts`,
  /** Unix milliseconds, these three. */
  firstFailedAt: `${dead}first-failed-at`,
  lastFailedAt: `${dead}last-failed-at`,
  time: `${dead}time`,
  /** Where the event lay: topic/partition/offset, queue, stream/entry. */
  source: `${dead}source`,
  messageId: `${dead}message-id`,
  pattern: `${dead}pattern`,
  endpoint: `${dead}endpoint`,
  service: `${dead}service`,
  instance: `${dead}instance`,
  /** Set where the body was too large to be kept: look for it at the source. */
  bodyless: `${dead}without-body`,
} as const

const classes = {
  InvalidPayload: 'invalid-payload',
  HandlerFailed: 'handler-failed',
  Defect: 'defect',
  Timeout: 'timeout',
  AttemptsExhausted: 'attempts-exhausted',
  NoHandler: 'no-handler',
} as const satisfies Record<Reason['_tag'], string>

/** What a dead letter tells about its event beside the reason. */
export interface Circumstances {
  readonly source: string
  readonly messageId: string
  readonly pattern: string
  readonly endpoint: string
}

/** Writes why and where; the event's own fields, key and body stay as they came. */
export const writeLetter = (
  into: Writing,
  reason: Reason,
  { source, messageId, pattern, endpoint }: Circumstances,
  { clock, group, instance }: Environment,
): void => {
  into[letterField.reason] = classes[reason._tag]
  into[letterField.message] = reason.message
  if (reason.errorId !== undefined) into[letterField.errorId] = reason.errorId
  into[letterField.attempts] = String(reason.attempts)
  into[letterField.firstFailedAt] = String(Math.round(reason.firstFailedAt))
  into[letterField.lastFailedAt] = String(Math.round(reason.lastFailedAt))
  into[letterField.time] = String(Math.round(clock.unix()))
  into[letterField.source] = source
  into[letterField.messageId] = messageId
  into[letterField.pattern] = pattern
  into[letterField.endpoint] = endpoint
  into[letterField.service] = group
  into[letterField.instance] = instance
}

/** Dead letters: what is added to the fields of an event that is set aside, and how it is read again. */
import { reservedPrefix } from '../../core/envelope.js'
import type { DeadLetter } from '../../core/letter.js'
import type { Reason } from '../../core/settlement.js'
import type { Environment } from '../transport.js'
import { field, headersOf, numberOf, type Described, type Fields, type Writing } from './attributes.js'

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

/** Why an event is set aside again that is for an endpoint which its service no longer has. */
export const noSuchEndpoint = (fields: Fields, unix: number): Reason => ({
  _tag: 'NoHandler',
  message: 'the service has no such endpoint any more',
  errorId: undefined,
  attempts: Math.max(1, numberOf(fields, field.attempt) ?? 1) - 1,
  firstFailedAt: numberOf(fields, field.firstFailedAt) ?? unix,
  lastFailedAt: unix,
})

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

const tags = new Map(Object.entries(classes).map(([tag, text]) => [text as string, tag as Reason['_tag']]))

/** What is known of a dead letter without its fields: one that the broker itself set aside has none. */
export interface Otherwise extends Circumstances {
  readonly service: string
  readonly reason: string
  readonly attempts: number
}

/** Reads what `writeLetter` has written; what is missing is as `otherwise` says. */
export const readLetter = (
  fields: Fields,
  { correlationId, key, id }: Described,
  body: Uint8Array,
  otherwise: Otherwise,
): DeadLetter => {
  const messageId = fields[letterField.messageId] ?? id ?? otherwise.messageId
  const time = numberOf(fields, letterField.time) ?? 0
  const lastFailedAt = numberOf(fields, letterField.lastFailedAt) ?? time
  return {
    messageId,
    endpoint: fields[letterField.endpoint] ?? otherwise.endpoint,
    pattern: otherwise.pattern,
    reason: {
      _tag: tags.get(fields[letterField.reason] ?? '') ?? 'AttemptsExhausted',
      message: fields[letterField.message] ?? otherwise.reason,
      errorId: fields[letterField.errorId],
      attempts: numberOf(fields, letterField.attempts) ?? otherwise.attempts,
      firstFailedAt: numberOf(fields, letterField.firstFailedAt) ?? lastFailedAt,
      lastFailedAt,
    },
    body: fields[letterField.bodyless] === undefined ? body : undefined,
    headers: headersOf(fields),
    correlationId: correlationId ?? messageId,
    key,
    source: fields[letterField.source] ?? otherwise.source,
    service: fields[letterField.service] ?? otherwise.service,
    instance: fields[letterField.instance] ?? '',
    time,
    replays: numberOf(fields, field.replays) ?? 0,
  }
}

/** Whether a field belongs to the dead letter, and not to its event. */
export const isLetterField = (name: string): boolean => name.startsWith(dead)

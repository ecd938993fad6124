/**
 * What a request and its reply say of themselves, on Redis and Kafka: one text each, its parts separated by spaces. kafkajs
 * encodes every header through a buffer of its own, so that six of them cost more than the record that they are in; and
 * ioredis reads every field for itself, which made a fifth of the time of a service.
 */
import type { Option } from 'fp-ts/lib/Option.js'
import type { Clock } from '../../core/clock.js'
import { field, type Fields, type Writing } from './attributes.js'
import { deadlineOf, type DeadlineWriter } from './deadline.js'
import { writeReply, type Reply } from './reply.js'

/** Call, where the reply goes, milliseconds that the caller waits, and until when in Unix milliseconds. */
export const requestHeader = 'taskwire-request'
/** Call, status and, of a failure, its number. */
export const replyHeader = 'taskwire-reply'

/** The content type that requests leave out: a service knows what its clients write. */
export const usualContentType = 'application/json'

/** What a request asks for; all of it is anybody's text. */
export interface Addressed {
  readonly call: string
  readonly replyTo: string
  /** On the monotonic clock. */
  readonly deadline: Option<number>
}

export const writeRequest = (
  into: Writing,
  call: string,
  replyTo: string,
  timeoutMs: number,
  deadline: DeadlineWriter,
): void => {
  const limits: Writing = {}
  deadline.write(limits, timeoutMs)
  into[requestHeader] = `${call} ${replyTo} ${limits[field.timeout] ?? ''} ${limits[field.deadline] ?? ''}`
}

export const requestOf = (fields: Fields, clock: Clock): Addressed => {
  const [call = '', replyTo = '', timeout = '', deadline = ''] = (fields[requestHeader] ?? '').split(' ', 4)
  return { call, replyTo, deadline: deadlineOf({ [field.timeout]: timeout, [field.deadline]: deadline }, clock) }
}

/** What a reply says. */
export const answerText = (call: string, reply: Reply): string => {
  const said: Writing = {}
  writeReply(said, reply)
  const code = said[field.code]
  return `${call} ${said[field.status] ?? ''}${code === undefined ? '' : ` ${code}`}`
}

/** The call that is answered, and the answer's fields as `answerOf` reads them. */
export const answered = (text: string): { readonly call: string; readonly fields: Fields } => {
  const [call = '', status = '', code = ''] = text.split(' ', 3)
  return { call, fields: { [field.status]: status, [field.code]: code } }
}

export const writeAnswer = (into: Writing, call: string, reply: Reply): void => {
  into[replyHeader] = answerText(call, reply)
}

export const answeredOf = (fields: Fields): ReturnType<typeof answered> => answered(fields[replyHeader] ?? '')

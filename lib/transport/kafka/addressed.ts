/**
 * What a request and its reply say of themselves: one header each, its parts separated by spaces. kafkajs encodes every
 * header through a buffer of its own, so that six of them cost more than the record that they are in.
 */
import type { Option } from 'fp-ts/lib/Option.js'
import type { Clock } from '../../core/clock.js'
import { field, type Fields, type Writing } from '../broker/attributes.js'
import { deadlineOf, type DeadlineWriter } from '../broker/deadline.js'
import { writeReply, type Reply } from '../broker/reply.js'

/** Call, topic and partition of the reply, milliseconds that the caller waits, and until when in Unix milliseconds. */
export const requestHeader = 'taskwire-request'
/** Call, status and, of a failure, its number. */
export const replyHeader = 'taskwire-reply'

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

/** The address in a request is anybody's text: only a partition of the topic of replies is one. */
export const replyToOf = (text: string | undefined, topic: string, partitions: number): number | undefined => {
  const at = text?.lastIndexOf('/') ?? -1
  if (text === undefined || text.slice(0, at) !== topic) return undefined
  const digits = text.slice(at + 1)
  return /^\d{1,6}$/.test(digits) && Number(digits) < partitions ? Number(digits) : undefined
}

export const writeAnswer = (into: Writing, call: string, reply: Reply): void => {
  const said: Writing = {}
  writeReply(said, reply)
  const code = said[field.code]
  into[replyHeader] = `${call} ${said[field.status] ?? ''}${code === undefined ? '' : ` ${code}`}`
}

/** The call that is answered, and the answer's fields as `answerOf` reads them. */
export const answeredOf = (fields: Fields): { readonly call: string; readonly fields: Fields } => {
  const [call = '', status = '', code = ''] = (fields[replyHeader] ?? '').split(' ', 3)
  return { call, fields: { [field.status]: status, [field.code]: code } }
}

/** What crosses the wire beside the body: limits of headers, and failures as numbers with a small JSON body. */
import type { Headers } from './context.js'
import type { Failure, Issue } from './error.js'
import { isWellFormed } from './pattern.js'

/** Header names that start so belong to the library. */
export const reservedPrefix = 'taskwire-'
export const maxHeaders = 64
/** Names and values together, in bytes of UTF-8. */
export const maxHeaderBytes = 8192
/** A schema error names at most so many places. */
export const maxIssues = 20

export const noHeaders: Headers = Object.freeze({})

const bytes = (text: string): number => new TextEncoder().encode(text).length

/** What is wrong with a call's headers. Checked before any I/O. */
export const headerIssues = (headers: Headers): ReadonlyArray<Issue> => {
  if (typeof headers !== 'object' || Array.isArray(headers)) return [{ path: 'headers', expected: 'names and texts' }]
  const entries = Object.entries(headers)
  const issues: Array<Issue> = []
  if (entries.length > maxHeaders) issues.push({ path: 'headers', expected: `at most ${String(maxHeaders)} headers` })
  let size = 0
  for (const [name, value] of entries) {
    if (name === '' || bytes(name) > 255) issues.push({ path: 'headers', expected: 'header names of 1 to 255 bytes' })
    else if (name.toLowerCase().startsWith(reservedPrefix))
      issues.push({ path: `headers.${name}`, expected: `a name that does not start with ${reservedPrefix}` })
    else if (typeof value !== 'string') issues.push({ path: `headers.${name}`, expected: 'text' })
    else if (!isWellFormed(name) || !isWellFormed(value))
      issues.push({ path: 'headers', expected: 'well-formed Unicode' })
    else size += bytes(name) + bytes(value)
  }
  if (size > maxHeaderBytes)
    issues.push({ path: 'headers', expected: `at most ${String(maxHeaderBytes)} bytes in all` })
  return issues.slice(0, maxIssues)
}

/** The numbers of failures on the wire. Never renumber: other languages and older versions read them. */
export const failureCode = {
  InvalidPayload: 1,
  NoHandler: 2,
  Internal: 3,
  TimeoutError: 4,
  Overloaded: 5,
  Cancelled: 6,
  Unauthorized: 7,
  MessageTooLarge: 8,
} as const satisfies Record<Failure['_tag'], number>

const details = (failure: Failure): Readonly<Record<string, unknown>> => {
  switch (failure._tag) {
    case 'InvalidPayload':
      return { issues: failure.issues.slice(0, maxIssues) }
    case 'NoHandler':
      return { pattern: failure.pattern }
    case 'Internal':
      return { errorId: failure.errorId }
    case 'TimeoutError':
      return { afterMs: failure.afterMs, waitingFor: failure.waitingFor }
    case 'Overloaded':
      return { limit: failure.limit }
    case 'Cancelled':
      return {}
    case 'Unauthorized':
      return { message: failure.message }
    case 'MessageTooLarge':
      return { limitBytes: failure.limitBytes }
  }
}

/** A failure as it crosses the wire: a number, and its details as JSON text. */
export const encodeFailure = (failure: Failure): { readonly code: number; readonly body: string } => ({
  code: failureCode[failure._tag],
  body: JSON.stringify(details(failure)),
})

const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 1000) : '')
const count = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)
const issuesOf = (value: unknown): ReadonlyArray<Issue> =>
  Array.isArray(value)
    ? value.slice(0, maxIssues).map((issue: unknown) => {
        const { path, expected } = (issue ?? {}) as Readonly<Record<string, unknown>>
        return { path: text(path), expected: text(expected) }
      })
    : []

const parsed = (body: Uint8Array): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body))
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}

/** The failure behind a number; details that are missing or malformed are left empty. `undefined`: a number we do not know. */
export const decodeFailure = (code: number, body: Uint8Array): Failure | undefined => {
  const d = parsed(body)
  switch (code) {
    case failureCode.InvalidPayload:
      return { _tag: 'InvalidPayload', issues: issuesOf(d['issues']) }
    case failureCode.NoHandler:
      return { _tag: 'NoHandler', pattern: text(d['pattern']) }
    case failureCode.Internal:
      return { _tag: 'Internal', errorId: text(d['errorId']) }
    case failureCode.TimeoutError: {
      const waitingFor = d['waitingFor']
      return {
        _tag: 'TimeoutError',
        afterMs: count(d['afterMs']),
        waitingFor: waitingFor === 'connection' || waitingFor === 'reply' ? waitingFor : 'handler',
      }
    }
    case failureCode.Overloaded:
      return { _tag: 'Overloaded', limit: count(d['limit']) }
    case failureCode.Cancelled:
      return { _tag: 'Cancelled' }
    case failureCode.Unauthorized:
      return { _tag: 'Unauthorized', message: text(d['message']) }
    case failureCode.MessageTooLarge:
      return { _tag: 'MessageTooLarge', limitBytes: count(d['limitBytes']) }
    default:
      return undefined
  }
}

import { freshId, type Random } from '../core/clock.js'

const described = (cause: unknown): string => {
  if (typeof cause === 'object' && cause !== null && 'stack' in cause && typeof cause.stack === 'string')
    return cause.stack
  if (typeof cause === 'object' && cause !== null && 'message' in cause) return String(cause.message)
  return `a thrown ${typeof cause}`
}

const oneLine = (text: string): string => text.replaceAll('\n', '\\n').replaceAll('\r', '\\r')

/** Logs what a handler threw, under a fresh id that callers and dead letters may know. One line: newlines are escaped. */
export const defects =
  (random: Random, log: (line: string) => void) =>
  (endpoint: string, cause: unknown): string => {
    const errorId = freshId(random)
    let text: string
    try {
      text = described(cause)
    } catch {
      text = 'an error that cannot be described'
    }
    log(`taskwire: defect ${errorId} in ${endpoint}: ${oneLine(text)}`)
    return errorId
  }

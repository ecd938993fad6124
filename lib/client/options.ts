import type { Context, Headers } from '../core/context.js'
import type { Issue } from '../core/error.js'

/** What a call may say about itself. */
export interface EmitOptions {
  /** Milliseconds until the call gives up; covers queueing, connecting and retries. Default 10,000. */
  readonly timeout?: number
  /** Aborting it cancels the call, and on transports that can, the handler. */
  readonly signal?: AbortSignal
  /** At most 64, 8 KiB in all; names must not start with `taskwire-`. */
  readonly headers?: Headers
  /** The ordering key. Default: the contract's `key` of the payload. */
  readonly key?: string
  /** Default: a fresh one for each run. Give it to repeat a call whose outcome is unknown. */
  readonly messageId?: string
  /** Fail with `NoHandler` where the transport can know that nobody subscribes. */
  readonly mandatory?: boolean
  /**
   * The context of the message being handled: its deadline (less 5 ms) bounds the call, its correlation id and trace
   * headers go on, its id becomes the causation id, and its signal cancels a `send`.
   */
  readonly from?: Context
}

export interface SendOptions extends EmitOptions {
  /** The handler may run twice without harm: allows up to three attempts where the first may have been handled. */
  readonly idempotent?: boolean
}

/** Milliseconds until a call gives up, unless it says otherwise. */
export const defaultTimeout = 10_000
/** What a call made on behalf of another leaves of the other's time, in milliseconds. */
const margin = 5

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** What a call says that says nothing: nothing needs a look then. */
export const noOptions: SendOptions = Object.freeze({})

/** Options that are not what their types say: plain JavaScript may pass anything. */
export const optionIssues = (options: EmitOptions): ReadonlyArray<Issue> => {
  if (options === noOptions) return []
  const { timeout, signal, messageId, key, from } = options
  const issues: Array<Issue> = []
  const check = (path: string, fine: boolean, expected: string): void => {
    if (!fine) issues.push({ path, expected })
  }
  check('timeout', timeout === undefined || (typeof timeout === 'number' && !Number.isNaN(timeout)), 'milliseconds')
  check('signal', signal === undefined || typeof signal.addEventListener === 'function', 'an AbortSignal')
  check('messageId', messageId === undefined || typeof messageId === 'string', 'text')
  check('key', key === undefined || typeof key === 'string', 'text')
  check(
    'from',
    from === undefined || (isObject(from) && isObject(from.headers) && isObject(from.deadline)),
    'a context',
  )
  return issues
}

const traceHeaders = ['traceparent', 'tracestate', 'baggage'] as const

/** The headers of a call: its own, and under them the trace of the message it is made for. */
export const headersOf = ({ headers, from }: EmitOptions): Headers | undefined => {
  if (from === undefined) return headers
  const inherited = Object.entries(from.headers).filter(([name]) => traceHeaders.some((trace) => trace === name))
  return Object.fromEntries([...inherited, ...Object.entries(headers ?? {})])
}

/** The time a call has, in milliseconds. */
export const timeoutOf = ({ timeout = defaultTimeout, from }: EmitOptions, now: number): number =>
  Math.min(timeout, 2 ** 31 - 1, from?.deadline._tag === 'Some' ? from.deadline.value - now - margin : timeout)

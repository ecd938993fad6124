import type { SocketOptions } from 'amqplib'
import { problem, sharedProblems, type Problem } from '../broker/problems.js'

export interface AmqpOptions<out N extends string = 'amqp'> {
  /** The token; default `amqp`. */
  readonly name?: N
  /**
   * Where RabbitMQ is: one URL or several of one cluster, `amqp://user:password@host:port/vhost`, `amqps://` for TLS.
   * Several are tried in turn. A `heartbeat` in the query is in seconds; default 15.
   */
  readonly url: string | ReadonlyArray<string>
  /** Set before the names of all exchanges and queues: at most 60 letters, digits, `.` and `-`. Default none. */
  readonly prefix?: string
  /**
   * The type of event queues and retry queues. `quorum` (the default) counts deliveries, so that attempts survive a crash and
   * an event that kills its process is set aside; with `classic` neither holds.
   */
  readonly queueType?: 'quorum' | 'classic'
  /**
   * Options of the driver's socket, over the defaults `noDelay: true`, `keepAlive: true`, `keepAliveDelay: 15000` and
   * `timeout: 10000` (milliseconds to connect): those of `tls.connect` (`ca`, `cert`, `key`), `credentials`,
   * `clientProperties`.
   */
  readonly amqplib?: SocketOptions
}

/** Options with their defaults. */
export interface Settings {
  readonly name: string
  readonly urls: ReadonlyArray<string>
  readonly prefix: string
  readonly queueType: 'quorum' | 'classic'
  readonly socket: SocketOptions
  /** `amqplib` as it was given. */
  readonly given: unknown
}

/** The largest body, in bytes. */
export const maxMessageBytes = 1_048_576

/** Milliseconds until an attempt to connect is given up. */
const connectMs = 10_000

export const settingsOf = ({
  name = 'amqp',
  url,
  prefix = '',
  queueType = 'quorum',
  amqplib,
}: AmqpOptions<string>): Settings => ({
  name,
  urls: typeof url === 'string' ? [url] : url,
  prefix,
  queueType,
  socket: { noDelay: true, keepAlive: true, keepAliveDelay: 15_000, timeout: connectMs, ...amqplib },
  given: amqplib,
})

const isUrl = (text: unknown): boolean =>
  typeof text === 'string' && URL.canParse(text) && ['amqp:', 'amqps:'].includes(new URL(text).protocol)

/** What is wrong with the options. */
export const problemsOf = ({ name, urls, prefix, queueType, given }: Settings): ReadonlyArray<Problem> => [
  ...sharedProblems(name, prefix),
  ...problem('url', 'amqp:// or amqps:// URLs', !Array.isArray(urls) || urls.length === 0 || !urls.every(isUrl)),
  ...problem('queueType', '"quorum" or "classic"', !['quorum', 'classic'].includes(queueType)),
  ...problem('amqplib', 'options of the driver', given !== undefined && (typeof given !== 'object' || given === null)),
]

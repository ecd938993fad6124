/** What `redis` is given. */
import type { ClusterOptions, RedisOptions as DriverOptions } from 'ioredis'
import { problem, sharedProblems, type Problem } from '../broker/problems.js'
import { defaultLimits, limitProblems, type RedisLimits } from './limits.js'

/** Redis Cluster. */
export interface RedisCluster {
  /** Some of the nodes, at least one; the others are found. */
  readonly nodes: ReadonlyArray<{ readonly host: string; readonly port: number }>
  /** Options of ioredis for the cluster as a whole; those for each connection are `ioredis`. */
  readonly options?: Omit<ClusterOptions, 'redisOptions' | 'keyPrefix'>
}

export interface RedisOptions<out N extends string = 'redis'> {
  /** The token that tells two transports of one service apart. Default `redis`. */
  readonly name?: N
  /** Where Redis is: `redis://[user:password@]host:port[/db]`, `rediss://` for TLS. Default `redis://127.0.0.1:6379`. */
  readonly url?: string
  /**
   * Options of ioredis for every connection: `tls`, `username`, `password`, `sentinels` and `name`, `connectTimeout`, ...
   * They win over the URL. Those that decide about loss are the transport's own: queues of commands, resending,
   * reconnecting, time limits of commands, pipelining. `keyPrefix` is refused: see `prefix`.
   */
  readonly ioredis?: Omit<DriverOptions, 'keyPrefix'>
  /** Redis Cluster, in place of `url`. */
  readonly cluster?: RedisCluster
  /** Stands before every key and channel: at most 60 letters, digits, `.` and `-`. Default none. */
  readonly prefix?: string
  /** Where a service begins that has never listened before: with what comes (`end`, default), or with what is kept. */
  readonly startAt?: 'end' | 'beginning'
  /** Entries of an event stream; `emit` answers `Overloaded` beyond them. Default 1,000,000. */
  readonly maxLength?: number
  readonly limits?: Partial<RedisLimits>
}

/** Options with their defaults. */
export interface Settings {
  readonly name: string
  /** Options of ioredis: where Redis is, and what the user said. */
  readonly driver: DriverOptions
  readonly cluster: RedisCluster | undefined
  readonly prefix: string
  readonly startAt: 'end' | 'beginning'
  readonly maxLength: number
  readonly limits: RedisLimits
}

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const parsed = (url: string): DriverOptions | undefined => {
  if (!/^rediss?:\/\/[^/]/.test(url) || !URL.canParse(url)) return undefined
  const { protocol, hostname, port, username, password, pathname } = new URL(url)
  const user = decoded(username)
  const secret = decoded(password)
  const db = /^\/(\d{1,5})?$/.exec(pathname === '' ? '/' : pathname)
  if (hostname === '' || user === undefined || secret === undefined || db === null) return undefined
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? 6379 : Number(port),
    db: Number(db[1] ?? 0),
    ...(user === '' ? {} : { username: user }),
    ...(secret === '' ? {} : { password: secret }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  }
}

const isNode = (node: unknown): boolean => {
  const { host, port } = (node ?? {}) as { readonly host?: unknown; readonly port?: unknown }
  return typeof host === 'string' && host !== '' && Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536
}

const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The settings behind options, and every option that is out of its range. */
export const settingsOf = (
  options: RedisOptions<string>,
): { readonly settings: Settings; readonly problems: ReadonlyArray<Problem> } => {
  const { name = 'redis', url, cluster, prefix = '', startAt = 'end', maxLength = 1_000_000 } = options
  const ioredis: DriverOptions = options.ioredis ?? {}
  const place = typeof url === 'string' ? parsed(url) : parsed('redis://127.0.0.1:6379')
  const limits = { ...defaultLimits, ...options.limits }
  const nodes: unknown = cluster?.nodes
  const problems = [
    ...sharedProblems(name, prefix),
    ...problem(
      'url',
      'redis://[user:password@]host:port[/db] or rediss://...',
      (url !== undefined && typeof url !== 'string') || place === undefined,
    ),
    ...problem('url', 'left out where there is a cluster', url !== undefined && cluster !== undefined),
    ...problem('ioredis', 'options of ioredis', !isRecord(ioredis)),
    ...problem('ioredis.keyPrefix', 'left out: use prefix', isRecord(ioredis) && ioredis.keyPrefix !== undefined),
    ...problem(
      'cluster',
      '{ nodes: [{ host, port }, ...] } with at least one node',
      cluster !== undefined && !(Array.isArray(nodes) && nodes.length > 0 && nodes.every(isNode)),
    ),
    ...problem('startAt', "'end' or 'beginning'", startAt !== 'end' && startAt !== 'beginning'),
    ...problem('maxLength', 'a whole number from 1', !Number.isSafeInteger(maxLength) || maxLength < 1),
    ...limitProblems(limits),
  ]
  const where = cluster === undefined ? place : undefined
  return {
    settings: { name, driver: { ...where, ...ioredis }, cluster, prefix, startAt, maxLength, limits },
    problems,
  }
}

/** One connection to Redis, open and watched. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Redis, RedisOptions as DriverOptions } from 'ioredis'
import type { Clock } from '../../core/clock.js'
import type { ConnectError } from '../../core/error.js'
import { loadDriver } from '../broker/driver.js'
import { codeOf, connectFailed, isAnswer, reasonOf } from './errors.js'
import type { Settings } from './options.js'
import type { Part, Script } from './script.js'
import { scripts } from './scripts.js'

/** The driver, once it is loaded. */
export type Driver = Pick<typeof import('ioredis'), 'Redis' | 'Cluster'>

export const driver = (name: string) => loadDriver(name, 'ioredis', () => import('ioredis'))

/** A connection that was opened and may have been lost since. */
export interface Wire {
  readonly redis: Redis
  /** Runs a script. */
  readonly run: (script: Script, keys: ReadonlyArray<string>, args: ReadonlyArray<Part>) => Promise<unknown>
  /** XREADGROUP, with bytes in the answer. */
  readonly read: (...args: ReadonlyArray<Part>) => Promise<unknown>
  /**
   * Waits for an answer; gives the connection up when for `ms` neither an answer comes nor a single byte. Most networks
   * that swallow packets never say so.
   */
  readonly watched: <A>(ms: number, answer: Promise<A>) => Promise<A>
  readonly close: () => Promise<void>
}

/** What a connection is for: one that reads may be busy for seconds with one command. */
export type Purpose = 'commands' | 'replies' | 'reading'

// What could lose or repeat a command is not for options to change. A command that was written and not answered is never
// sent again by the driver: whoever gave it decides that. Reconnecting is ours (broker/keep-open.ts).
const own = (purpose: Purpose, user: DriverOptions): DriverOptions => ({
  lazyConnect: true,
  retryStrategy: null,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  autoResubscribe: false,
  commandTimeout: undefined,
  blockingTimeout: undefined,
  socketTimeout: undefined,
  sentinelRetryStrategy: () => null,
  enableAutoPipelining: false,
  keyPrefix: '',
  stringNumbers: false,
  readOnly: false,
  monitor: false,
  // After a failover the old master refuses writes: look for the new one.
  reconnectOnError: (error) =>
    error.message.startsWith('READONLY') || Boolean(user.reconnectOnError?.(error)) ? 1 : false,
})

const client = ({ Redis, Cluster }: Driver, purpose: Purpose, { driver: user, cluster }: Settings): Redis => {
  const options = { ...user, ...own(purpose, user), replyMapping: 'legacy' as const }
  if (cluster === undefined) return new Redis(options)
  const { lazyConnect, enableOfflineQueue } = options
  // n.b. the two share every method that is used here, and no type that says so
  return new Cluster([...cluster.nodes], {
    ...cluster.options,
    redisOptions: { ...options, socketTimeout: purpose === 'reading' ? undefined : 15_000 },
    clusterRetryStrategy: () => null,
    // n.b. with a delay here the driver sends what was lost with its connection again
    retryDelayOnFailover: 0,
    scaleReads: 'master',
    keyPrefix: '',
    lazyConnect,
    enableOfflineQueue,
    enableAutoPipelining: purpose === 'commands',
    // n.b. a sign of life must not wait for the answers to what was written before
    autoPipeliningIgnoredCommands: ['ping'],
  }) as unknown as Redis
}

// n.b. there, and not in the driver's types, or with types that take no list
interface Untyped {
  readonly evalBuffer: (text: string, keys: number, ...args: ReadonlyArray<Part>) => Promise<unknown>
  readonly evalshaBuffer: (sha: string, keys: number, ...args: ReadonlyArray<Part>) => Promise<unknown>
  readonly xreadgroupBuffer: (...args: ReadonlyArray<Part>) => Promise<unknown>
}

interface Moving {
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly writableLength: number
  readonly destroy: () => void
}
// n.b. a cluster has no socket of its own, and a connection none before it is made
const socketOf = (redis: Redis): Moving | undefined => redis.stream

// What came, and what left the process of a backlog.
const moved = (redis: Redis): number => {
  const socket = socketOf(redis)
  if (socket === undefined) return 0
  return socket.bytesRead + (socket.writableLength > 0 ? socket.bytesWritten - socket.writableLength : 0)
}

/** How long connecting may take where `connectTimeout` does not say, in milliseconds: as long as in the driver. */
const connectMs = 10_000

// One write for all commands of a turn of the event loop. n.b. the driver's own pipelining does that too, and one at a time:
// a request alone took 260 us with it, and takes 160 without. Of a cluster's sockets we know nothing, so it is used there.
const gather = (redis: Redis): void => {
  const { stream } = redis
  const send = redis.sendCommand.bind(redis)
  let corked = false
  const uncork = (): void => {
    corked = false
    stream.uncork()
  }
  redis.sendCommand = (command, into) => {
    if (!corked) {
      corked = true
      stream.cork()
      process.nextTick(uncork)
    }
    return send(command, into)
  }
}

/** Opens a connection. `began` gets a way to give it up meanwhile. Never rejects. */
export const openWire = async (
  loaded: Driver,
  purpose: Purpose,
  settings: Settings,
  clock: Clock,
  lost: (why: string) => void,
  began: (abandon: () => void) => void,
): Promise<Either<ConnectError, Wire>> => {
  const { name, limits } = settings
  const redis = client(loaded, purpose, settings)
  const timers = new Set<() => void>()
  let last: unknown
  let over = false
  const ended = new Promise<void>((resolve) => {
    redis.once('end', () => {
      resolve()
    })
  })
  redis.on('error', (error: unknown) => {
    last = error
  })
  const stop = (): void => {
    over = true
    for (const forget of timers) forget()
    timers.clear()
    if (redis.status === 'end') return
    redis.disconnect()
    socketOf(redis)?.destroy()
  }
  const fail = (why: string): void => {
    if (over) return
    stop()
    lost(why)
  }
  const after = (ms: number, run: () => void): (() => void) => {
    const forget = clock.after(
      ms,
      () => {
        timers.delete(cancel)
        run()
      },
      true,
    )
    const cancel = (): void => {
      timers.delete(cancel)
      forget()
    }
    timers.add(cancel)
    return cancel
  }
  const watched = <A>(ms: number, answer: Promise<A>): Promise<A> => {
    let before = moved(redis)
    let due = clock.now() + ms
    const look = (): void => {
      const is = moved(redis)
      // n.b. after a pause of the event loop the answer is still in the socket: look again before giving up
      if (is === before && clock.now() - due < ms / 2) {
        fail(`no sign of life for ${String(ms)} ms`)
        return
      }
      before = is
      due = clock.now() + ms
      forget = after(ms, look)
    }
    let forget = after(ms, look)
    return answer.finally(() => {
      forget()
    })
  }
  const beat = (): void => {
    after(limits.heartbeatMs, () => {
      watched(limits.heartbeatMs, redis.ping()).then(beat, (error: unknown) => {
        if (isAnswer(error)) beat()
        else fail(reasonOf(error))
      })
    })
  }
  began(stop)
  // n.b. the driver's own limit ends with the connection of the socket, which a frozen Redis accepts all the same
  const patient = after(settings.driver.connectTimeout ?? connectMs, () => {
    last ??= new Error('Redis does not answer')
    stop()
  })
  try {
    await redis.connect()
    if (purpose === 'commands') await Promise.allSettled(scripts.map(({ text }) => redis.script('LOAD', text)))
    redis.once('end', () => {
      fail(reasonOf(last ?? { message: 'the connection was closed' }))
    })
    if (redis.status === 'end') throw new Error('the connection was closed')
    patient()
    if (purpose !== 'reading') beat()
    if (purpose !== 'replies' && settings.cluster === undefined) gather(redis)
  } catch (error) {
    stop()
    await ended
    return E.left(connectFailed(name, 'Redis cannot be reached', last ?? error))
  }
  const untyped = redis as unknown as Untyped
  return E.right({
    redis,
    read: (...args) => untyped.xreadgroupBuffer(...args),
    run: async (script, keys, args) => {
      try {
        return await untyped.evalshaBuffer(script.sha, keys.length, ...keys, ...args)
      } catch (error) {
        if (codeOf(error) !== 'NOSCRIPT') throw error
        return untyped.evalBuffer(script.text, keys.length, ...keys, ...args)
      }
    },
    watched,
    close: async () => {
      stop()
      await ended
    },
  })
}

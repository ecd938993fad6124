/** One connection of the driver, kept from taking the process down and from hanging for ever. */
import type { Duplex } from 'node:stream'
import type { Channel, ChannelModel, ConfirmChannel, connect } from 'amqplib'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../../core/clock.js'
import type { ConnectError } from '../../core/error.js'
import { reasonOf } from '../broker/failing.js'
import type { Environment } from '../transport.js'
import { connectError } from './errors.js'
import type { Settings } from './options.js'

export type Driver = { readonly connect: typeof connect }

export interface Wire {
  /** Opens a channel; `died` is called when it closes by itself, and not when the whole connection did. */
  readonly channel: (died: (why: string) => void) => Promise<Channel>
  readonly confirms: (died: (why: string) => void) => Promise<ConfirmChannel>
  /** Runs `work` on a channel of its own: a refused declaration costs the channel. */
  readonly aside: <A>(work: (channel: Channel) => Promise<A>) => Promise<A>
  /** Closes a channel, once it has sent what it holds. Never rejects; takes half a second at most. */
  readonly release: (channel: Channel) => Promise<void>
  /** The broker takes no messages on this connection: it is short of memory or disk. */
  readonly blocked: () => boolean
  /** Sends what channels still hold, then ends. At most about a second. */
  readonly close: () => Promise<void>
}

/** What becomes of a wire. */
export interface Fate {
  /** What it is for, in its name and in the log: `publishing`. */
  readonly purpose: string
  readonly lost: (why: string) => void
  /** It takes messages again. */
  readonly flows: () => void
  /** Nobody wants it any more, also while it is being opened. */
  readonly abandon: AbortSignal
}

/** Seconds. */
const heartbeat = '15'

/** The broker sends twice in a heartbeat. A third of one without a byte, five times in a row: nobody is there. */
const looks = 5
const looksInBeat = 3

/** How long each step of a closing may take, in milliseconds. */
const closeMs = 500

/** Resolves with the work, but after `ms` in any case; never rejects. */
export const atMost = (clock: Clock, ms: number, work: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      forget()
      resolve()
    }
    const forget = clock.after(ms, done)
    work.then(done, done)
  })

const withHeartbeat = (url: string): string => {
  const parsed = new URL(url)
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', heartbeat)
  return parsed.href
}

/**
 * One system call for all frames of a tick: the driver writes each frame by itself, which was half of a busy server's time.
 * A lone frame leaves no later, since the driver writes between two turns of the event loop; a full buffer is told as
 * ever, and `end` uncorks by itself.
 */
const gather = (stream: Duplex): void => {
  const write = stream.write.bind(stream) as (bytes: Uint8Array) => boolean
  let corked = false
  const flush = (): void => {
    corked = false
    stream.uncork()
  }
  Object.assign(stream, {
    write: (bytes: Uint8Array): boolean => {
      if (!corked) {
        corked = true
        stream.cork()
        process.nextTick(flush)
      }
      return write(bytes)
    },
  })
}

/** Connects, or gives up as soon as it is abandoned; a connection that comes too late is closed. */
const connected = (
  driver: Driver,
  url: string,
  settings: Settings,
  name: string,
  abandon: AbortSignal,
): Promise<ChannelModel> => {
  const attempt = new AbortController()
  const options = {
    ...settings.socket,
    // n.b. of plain TCP alone: a TLS socket ends with its time limit
    signal: attempt.signal,
    clientProperties: { connection_name: name, ...settings.socket.clientProperties },
  }
  let leave = (): void => undefined
  const abandoned = new Promise<never>((_, reject) => {
    leave = () => {
      attempt.abort()
      reject(new Error('the connection is closed'))
    }
    abandon.addEventListener('abort', leave, { once: true })
  })
  const opening = Promise.resolve()
    .then(() => driver.connect(withHeartbeat(url), options))
    .then((model) => {
      model.on('error', () => undefined)
      if (abandon.aborted) void model.close().catch(() => undefined)
      return model
    })
  return Promise.race([opening, abandoned]).finally(() => {
    abandon.removeEventListener('abort', leave)
  })
}

/** Opens a connection. Never rejects. */
export const openWire = async (
  driver: Driver,
  url: string,
  settings: Settings,
  { clock, log, group }: Environment,
  { purpose, lost, flows, abandon }: Fate,
): Promise<Either<ConnectError, Wire>> => {
  const { name } = settings
  let model: ChannelModel
  try {
    model = await connected(driver, url, settings, `${group === '' ? 'taskwire' : group} ${purpose}`, abandon)
  } catch (error) {
    return E.left(connectError(name, 'cannot connect', error))
  }
  const { stream, heartbeat: beat } = model.connection as unknown as {
    readonly stream: Duplex & { readonly bytesRead: number }
    readonly heartbeat: number
  }
  gather(stream)
  const channels = new Set<Channel>()
  const releases = new WeakMap<Channel, Promise<void>>()
  const releasing = new Set<Promise<void>>()
  let blocked = false
  let over = false
  let why: string | undefined
  let forget = (): void => undefined

  const end = (reason: string): void => {
    if (over) return
    over = true
    forget()
    lost(reason)
  }
  model.on('error', (error) => {
    why ??= reasonOf(error)
  })
  model.on('close', (error) => {
    end(why ?? reasonOf(error))
  })
  model.on('handler-error', (error: Error) => {
    log(`${name}: a listener of the driver threw ${error.name}`)
  })
  model.on('blocked', (reason) => {
    blocked = true
    log(`${name}: the broker takes no messages now (${reasonOf({ message: reason })}), calls wait`)
  })
  model.on('unblocked', () => {
    blocked = false
    log(`${name}: the broker takes messages again`)
    flows()
  })

  // The driver's own check takes up to three heartbeats, and another one before the socket goes.
  let seen = stream.bytesRead
  let silent = 0
  const look = (): void => {
    silent = stream.bytesRead === seen ? silent + 1 : 0
    seen = stream.bytesRead
    if (silent >= looks) {
      why = 'nothing was heard of the broker for too long'
      stream.destroy(new Error(why))
    } else watch()
  }
  const watch = (): void => {
    forget = clock.after((beat * 1_000) / looksInBeat, look, true)
  }
  if (beat > 0) watch()

  const guarded = <C extends Channel>(channel: C, died: (reason: string) => void): C => {
    let reason = 'its channel was closed'
    channels.add(channel)
    channel.on('error', (error) => {
      reason = reasonOf(error)
    })
    channel.on('close', () => {
      const expected = !channels.delete(channel)
      // n.b. channels close before their connection says that it does
      queueMicrotask(() => {
        if (!over && !expected) died(reason)
      })
    })
    channel.on('handler-error', (error: Error) => {
      log(`${name}: a listener of the driver threw ${error.name}`)
    })
    return channel
  }
  // n.b. once: of two closings of one channel the driver never ends the second, nor the first if its connection ends
  const release = (channel: Channel): Promise<void> => {
    const known = releases.get(channel)
    if (known !== undefined) return known
    const closed = channels.delete(channel)
      ? atMost(
          clock,
          closeMs,
          Promise.resolve().then(() => channel.close()),
        )
      : Promise.resolve()
    releases.set(channel, closed)
    releasing.add(closed)
    void closed.then(() => releasing.delete(closed))
    return closed
  }
  const channel: Wire['channel'] = async (died) => guarded(await model.createChannel(), died)

  return E.right({
    channel,
    confirms: async (died) => guarded(await model.createConfirmChannel(), died),
    aside: async (work) => {
      const own = await channel(() => undefined)
      try {
        return await work(own)
      } finally {
        await release(own)
      }
    },
    release,
    blocked: () => blocked,
    close: async () => {
      over = true
      forget()
      // n.b. channels first: the end of a connection overtakes what they have not sent yet
      await Promise.all([...channels].map(release))
      await Promise.all(releasing)
      await atMost(
        clock,
        closeMs,
        Promise.resolve().then(() => model.close()),
      )
      // n.b. with an error, by which the driver learns of it where it still waits for an answer
      const gone = new Promise<void>((resolve) => {
        if (stream.closed) resolve()
        else stream.once('close', resolve)
      })
      stream.destroy(new Error('closed'))
      await atMost(clock, closeMs, gone)
    },
  })
}

/**
 * Mutated frames against both ends of a connection, without sockets. Whatever comes in, nothing throws, what goes out
 * is frames, and a connection that ends says why.
 */
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Random } from '../../../lib/core/clock.js'
import { seededRandom } from '../../../lib/testing/virtual-clock.js'
import { callOf } from '../../../lib/transport/tcp/call.js'
import { closeCode, frameType, type Side } from '../../../lib/transport/tcp/frame.js'
import { pending, type House } from '../../../lib/transport/tcp/house.js'
import { metaKey } from '../../../lib/transport/tcp/key.js'
import { link } from '../../../lib/transport/tcp/link.js'
import { settingsOf } from '../../../lib/transport/tcp/options.js'
import { patternEntries } from '../../../lib/transport/tcp/outgoing.js'
import { parser } from '../../../lib/transport/tcp/parser.js'
import { routing } from '../../../lib/transport/tcp/route.js'
import { session } from '../../../lib/transport/tcp/session.js'
import { slabs, type Wire } from '../../../lib/transport/tcp/writer.js'
import { bytesOf, call, hello, welcome } from './raw.js'
import { environment, on, outgoing, reply } from './support.js'

export interface Fuzzed {
  readonly frames: number
  readonly connections: number
  /** Goodbyes by code. */
  readonly closes: ReadonlyMap<number, number>
  readonly answers: number
  /** Bytes of heap and buffers more than after the first tenth. */
  readonly grown: number
}

/** Frames that are right, for mutation to make wrong. */
const samples: Readonly<Record<Side, ReadonlyArray<(id: number) => Buffer>>> = {
  server: [
    (id) => call(id, 'echo', '{"a":1}'),
    (id) => call(id, 'echo', 'x'.repeat(300), 0),
    (id) => call(id, 'nobody'),
    (id) => call(id, 'note', '1', 500, frameType.event),
    (id) => bytesOf(frameType.cancel, Math.max(1, id - 1)),
    () => bytesOf(frameType.ping, 0, [], '12345678'),
    () => bytesOf(frameType.pong, 0, [], '12345678'),
    (id) =>
      bytesOf(
        frameType.request,
        id,
        [
          [metaKey.pattern, 'echo'],
          [metaKey.messageId, 'm'],
          [metaKey.traceparent, '00-1-2-03'],
          [metaKey.header, Buffer.from('\u0001ab')],
          [metaKey.orderingKey, 'k'],
          [metaKey.contentType, 'text/plain'],
        ],
        'body',
      ),
    () => bytesOf(frameType.goaway, 0, [], Buffer.alloc(10)),
  ],
  client: [
    (id) => bytesOf(frameType.reply, id, [], '{"a":1}'),
    (id) => bytesOf(frameType.reply, id, [[metaKey.status, 1]], '{}'),
    (id) => bytesOf(frameType.failure, id, [[metaKey.code, 3]], '{"errorId":"e"}'),
    (id) => bytesOf(frameType.eventAck, id),
    (id) =>
      bytesOf(
        frameType.rejected,
        id,
        [
          [metaKey.code, 1],
          [metaKey.retryAfterMs, 5],
        ],
        '{"limit":1}',
      ),
    (id) => bytesOf(frameType.rejected, id, [[metaKey.code, 3]]),
    () => bytesOf(frameType.ping, 0, [], '12345678'),
    (id) => bytesOf(frameType.goaway, 0, [], Buffer.from([0, 0, 0, id & 255, 0, 1, 0, 0, 0, 0])),
  ],
}

const int = (random: Random, below: number): number => Math.floor(random() * below)

const mutate = (random: Random, frame: Buffer): Buffer => {
  const bytes = Buffer.from(frame)
  for (let times = 1 + int(random, 3); times > 0; times--) {
    const at = int(random, Math.min(bytes.length, random() < 0.7 ? 40 : bytes.length))
    switch (int(random, 6)) {
      case 0:
        bytes[at] = int(random, 256)
        break
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << int(random, 8))
        break
      case 2:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + int(random, 4))])
      case 3:
        return Buffer.concat([bytes.subarray(0, at), Buffer.from([int(random, 256)]), bytes.subarray(at)])
      case 4:
        bytes.writeUInt32BE([0, 7, 8, 0x7fff_ffff, 0xffff_ffff, int(random, 64)][int(random, 6)] ?? 0, 0)
        break
      default:
        bytes[4] = Object.values(frameType)[int(random, 12)] ?? 0
    }
  }
  return bytes
}

interface End {
  readonly receive: (chunk: Buffer) => void
  readonly tick: () => void
  readonly closed: () => boolean
  readonly gone: () => void
}

/** Watches what one end writes: only frames, and nothing after a goodbye. */
const watched = (reader: Side, seen: (type: number, code: number) => void): Wire & { readonly state: () => string } => {
  let ended = false
  let destroyed = false
  let goodbye = false
  const input = parser(
    reader,
    () => 0x7fff_ffff,
    (type, _flags, _id, bytes, _meta, body) => {
      if (goodbye) throw new Error('a frame after goodbye')
      const code = type === frameType.goaway ? bytes.readUInt16BE(body + 4) : -1
      goodbye = type === frameType.goaway && code !== closeCode.draining
      seen(type, code)
    },
    (code, reason) => {
      throw new Error(`wrote what is no frame: ${String(code)} ${reason}`)
    },
    () => undefined,
  )
  return {
    write: (bytes) => {
      if (ended || destroyed) throw new Error('a write after the end')
      input.push(Buffer.from(bytes))
      if (input.waiting() > 0) throw new Error('wrote half a frame')
      return true
    },
    end: () => {
      if (!goodbye) throw new Error('ended without a goodbye')
      ended = true
    },
    destroy: () => {
      destroyed = true
    },
    pause: () => undefined,
    resume: () => undefined,
    writableLength: () => 0,
    queued: () => 0,
    state: () => (destroyed ? 'destroyed' : ended ? 'ended' : 'open'),
  }
}

/** A collector that can be asked, so that what is garbage does not look like a leak. */
const collector = (): (() => void) => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

const used = (collect: () => void): number => {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

export const fuzz = async (runs: number, seed: number): Promise<Fuzzed> => {
  const random = seededRandom(seed)
  const collect = collector()
  const { settings } = settingsOf({ port: 1, limits: { maxInFlight: 16 } })
  const env = environment({ random })
  const subscriptions = [on('message', 'echo'), on('event', 'note'), on('event', 'no*', 'other')]
  const closes = new Map<number, number>()
  let time = 0
  let answers = 0
  let unanswered = 0

  const house: House = {
    settings,
    environment: env,
    slabs: slabs(),
    time: () => time,
    subscriptions,
    route: routing(subscriptions),
    pending: pending(10_000, 1e9),
    receiving: () => true,
    draining: () => false,
    lost: () => undefined,
    deliver: ({ body, admitted }, settle) => {
      const how = random()
      unanswered += 1
      if (unanswered > 17 * 3) throw new Error('more deliveries than credit')
      const answer = (): void => {
        unanswered -= 1
        admitted?.(how < 0.5 ? undefined : [{ path: '', expected: 'x' }])
        settle(admitted === undefined ? reply(body) : { _tag: 'Ack' })
      }
      if (how < 0.9) answer()
      else setImmediate(answer)
    },
  }

  const seen = (type: number, code: number): void => {
    if (code >= 0) closes.set(code, (closes.get(code) ?? 0) + 1)
    else if (type >= frameType.reply) answers += 1
  }

  const serverEnd = (): End => {
    const wire = watched('client', seen)
    const one = session(house, wire, {
      remoteAddress: '::1',
      certificate: () => undefined,
      occupy: () => () => undefined,
    })
    one.receive(hello())
    return {
      receive: one.receive,
      tick: () => {
        one.check(time)
      },
      closed: () => wire.state() !== 'open',
      gone: one.gone,
    }
  }

  const clientEnd = (): End => {
    const wire = watched('server', seen)
    const socket = Object.assign(new EventEmitter(), wire)
    let read: (chunk: Buffer) => void = () => undefined
    let connect: () => void = () => undefined
    let over = false
    const message = outgoing('echo', '{}')
    const one = link({
      settings,
      environment: env,
      address: { host: 'x', port: 1 },
      dial: (_settings, _address, connected, data) => {
        connect = connected
        read = data
        return socket as unknown as Socket
      },
      slabs: house.slabs,
      time: () => time,
      now: env.clock.now,
      patternEntry: patternEntries(),
      renewAt: 1_000_000,
      ready: () => undefined,
      retiring: () => undefined,
      ended: () => {
        over = true
      },
      room: () => undefined,
      nobody: () => undefined,
    })
    connect()
    read(welcome(16))
    const fill = (): void => {
      while (one.free()) {
        const made = callOf(random() < 0.7 ? 'request' : 'event', message, () => undefined, undefined)
        one.send(made)
        if (random() < 0.1) one.cancel(made)
        if (random() < 0.3) return
      }
    }
    return {
      receive: (chunk) => {
        fill()
        read(chunk)
      },
      tick: () => {
        one.check(time)
      },
      closed: () => over || wire.state() !== 'open',
      gone: () => {
        socket.emit('close')
        if (!over) throw new Error('an end that nobody heard of')
      },
    }
  }

  let frames = 0
  let connections = 0
  let base = 0
  while (frames < runs) {
    const side: Side = random() < 0.7 ? 'server' : 'client'
    const end = side === 'server' ? serverEnd() : clientEnd()
    connections += 1
    let id = 1
    for (let round = 0; round < 50 && !end.closed() && frames < runs; round++) {
      const batch: Array<Buffer> = []
      for (let count = 1 + int(random, 6); count > 0; count--) {
        const sample = samples[side][int(random, samples[side].length)]
        const frame = sample?.(id++) ?? Buffer.alloc(0)
        batch.push(random() < 0.15 ? mutate(random, frame) : frame)
        frames += 1
      }
      const bytes = Buffer.concat(batch)
      // In one piece, or in pieces of any size.
      for (let at = 0; at < bytes.length;) {
        const size = random() < 0.7 ? bytes.length : 1 + int(random, 30)
        end.receive(bytes.subarray(at, at + size))
        at += size
      }
      await new Promise<void>((resolve) => process.nextTick(resolve))
      if (random() < 0.3) time += 250
      end.tick()
    }
    if (connections % 64 === 0) await new Promise((resolve) => setImmediate(resolve))
    end.gone()
    if (base === 0 && frames > runs / 10) base = used(collect)
  }
  await new Promise((resolve) => setTimeout(resolve, 20))
  if (unanswered !== 0) throw new Error('deliveries without a settlement')
  return { frames, connections, closes, answers, grown: used(collect) - base }
}

/**
 * Frames to bytes, a tick at a time: all frames of a tick go into one slab and out with one write (1.5 to 2 times the
 * throughput of a write per frame), but at most about 32 frames or 8 KiB of them, so that both peers work at once. Where
 * there are few, the first one goes ahead of the others, so that the other peer has something to do meanwhile (1.6 times at
 * 4 and at 16 calls in flight). `npm run bench:rules` measures each.
 */
import type { Body } from '../../core/settlement.js'
import { countedHeaderBytes, headerBytes } from './frame.js'

/** What is written to: the part of a socket that connections need, so that specs can stand in for it. */
export interface Wire {
  /** False: wait for `drain` before writing more. */
  readonly write: (bytes: Uint8Array) => boolean
  readonly end: () => unknown
  readonly destroy: () => unknown
  readonly pause: () => unknown
  readonly resume: () => unknown
  /** Bytes taken and not yet handed to the system. */
  readonly writableLength: () => number
  /** Bytes of those that are with the system already, which takes them little by little; 0 where unknown. */
  readonly queued: () => number
}

/** Buffers that writers share: only a connection with something to write this tick holds one. */
export interface Slabs {
  readonly take: () => Buffer
  readonly give: (slab: Buffer) => void
  /** Called now and then: lets those go that nobody has needed since the last time. */
  readonly tidy: () => void
}

const slabBytes = 16_384
const batchBytes = 8_192
const batchFrames = 32
/** After a tick of fewer frames than these the first one of the next leaves at once. */
const fewFrames = 18
const keptSlabs = 64

export const slabs = (): Slabs => {
  const free: Array<Buffer> = []
  let needed = false
  return {
    take: () => {
      needed = true
      return free.pop() ?? Buffer.allocUnsafeSlow(slabBytes)
    },
    give: (slab) => {
      if (free.length < keptSlabs) free.push(slab)
    },
    tidy: () => {
      if (!needed) free.length = 0
      needed = false
    },
  }
}

export interface Writer {
  /**
   * Appends a frame. Its metadata is `meta`, then the time limit (−1: none), then `more`. The body must fit the peer's limit.
   */
  readonly frame: (
    type: number,
    flags: number,
    id: number,
    meta: Uint8Array,
    timeoutMs: number,
    more: Uint8Array | undefined,
    body: Body,
  ) => void
  /** Writes what is batched, now. */
  readonly flush: () => void
  /** Nothing is written any more. */
  readonly stop: () => void
}

export const noBytes: Buffer = Buffer.alloc(0)
const timeoutMeta = 6

const copy = (from: Uint8Array, to: Buffer, at: number): void => {
  if (from.length > 64) {
    to.set(from, at)
    return
  }
  // n.b. for a few bytes a loop costs less than the call into the engine
  for (let i = 0; i < from.length; i++) to[at + i] = from[i] ?? 0
}

const uint32 = (value: number, to: Buffer, at: number): void => {
  to[at] = value >>> 24
  to[at + 1] = value >>> 16
  to[at + 2] = value >>> 8
  to[at + 3] = value
}

/** `written` hears of every write: whether the wire wants us to wait. */
export const writer = (wire: Wire, pool: Slabs, written: (ready: boolean) => void): Writer => {
  let slab: Buffer | undefined
  let at = 0
  let frames = 0
  let scheduled = false
  let inTick = 0
  let few = true
  let stopped = false

  const send = (bytes: Buffer): void => {
    if (!stopped) written(wire.write(bytes))
  }

  const flush = (): void => {
    if (slab === undefined) return
    const full = slab
    const bytes = at === full.length ? full : full.subarray(0, at)
    slab = undefined
    at = 0
    frames = 0
    send(bytes)
    // Bytes that the system has not taken yet are still read from the slab: it goes to whoever holds them.
    if (wire.writableLength() === 0) pool.give(full)
  }

  const tick = (): void => {
    scheduled = false
    few = inTick < fewFrames
    inTick = 0
    flush()
  }

  const put = (
    to: Buffer,
    from: number,
    type: number,
    flags: number,
    id: number,
    meta: Uint8Array,
    timeoutMs: number,
    more: Uint8Array | undefined,
    body: Body,
  ): number => {
    let end = from + headerBytes
    copy(meta, to, end)
    end += meta.length
    if (timeoutMs >= 0) {
      to[end] = 2
      to[end + 1] = 4
      uint32(timeoutMs, to, end + 2)
      end += timeoutMeta
    }
    if (more !== undefined) {
      copy(more, to, end)
      end += more.length
    }
    const metaLength = end - from - headerBytes
    if (typeof body === 'string') {
      if (body !== '') end += to.write(body, end)
    } else if (body.length > 0) {
      copy(body, to, end)
      end += body.length
    }
    uint32(end - from - headerBytes + countedHeaderBytes, to, from)
    to[from + 4] = type
    to[from + 5] = flags
    to[from + 6] = metaLength >>> 8
    to[from + 7] = metaLength
    uint32(id, to, from + 8)
    return end
  }

  return {
    frame: (type, flags, id, meta, timeoutMs, more, body) => {
      if (stopped) return
      const head = headerBytes + meta.length + timeoutMeta + (more === undefined ? 0 : more.length)
      // A code unit takes at most three bytes: counting exactly costs more than room to spare.
      const most = head + (typeof body === 'string' ? body.length * 3 : body.length)
      if (most > slabBytes) {
        const exact = head + (typeof body === 'string' ? Buffer.byteLength(body) : body.length)
        const own = Buffer.allocUnsafeSlow(exact)
        const end = put(own, 0, type, flags, id, meta, timeoutMs, more, body)
        flush()
        send(own.subarray(0, end))
        return
      }
      if (at + most > slabBytes) flush()
      slab ??= pool.take()
      at = put(slab, at, type, flags, id, meta, timeoutMs, more, body)
      frames += 1
      inTick += 1
      if (frames >= batchFrames || at >= batchBytes || (few && !scheduled)) flush()
      if (!scheduled) {
        scheduled = true
        process.nextTick(tick)
      }
    },
    flush,
    stop: () => {
      stopped = true
      if (slab !== undefined) pool.give(slab)
      slab = undefined
    },
  }
}

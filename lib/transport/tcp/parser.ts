/** Bytes to frames. Parses in place and copies only frames that are split over reads (1.1 to 1.2 times the throughput). */
import { closeCode, countedHeaderBytes, headerBytes, headerProblem, maxMetaBytes } from './frame.js'
import type { CloseCode, Side } from './frame.js'

/**
 * One whole frame inside `bytes`: metadata from `meta` to `body`, body from `body` to `end`. Positions and no object,
 * because this is called for each frame. n.b. keep a view of `bytes` if you must, never change them.
 */
export type OnFrame = (
  type: number,
  flags: number,
  id: number,
  bytes: Buffer,
  meta: number,
  body: number,
  end: number,
) => void

export interface Parser {
  /** Takes what was read. Does nothing after `stop` or a refusal. */
  readonly push: (chunk: Buffer) => void
  /** Takes at once what was read and is still left for later. */
  readonly rest: () => void
  /** Bytes of the frame that has begun and is not complete; 0 when there is none. */
  readonly waiting: () => number
  readonly stop: () => void
}

/** Frames that are taken in one go, where there is a `later`. */
const atOnce = 32

/** The first allocation for a split frame; it doubles as bytes arrive, so that a header alone cannot claim a mebibyte. */
const firstBytes = 1_024

// n.b. without the checks of readUInt32BE: whoever calls knows that the bytes are there
const uint32 = (bytes: Buffer, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0

/**
 * `limit` is the largest `len` now; `refuse` is called at most once, before anything of the refused frame is buffered;
 * `started` whenever a split frame begins. `claim` asks for so many bytes more for it, or gives them back (negative);
 * where it answers false, the frame is refused. With `later`, which calls back before the next read, a read is taken 32
 * frames at a time.
 */
export const parser = (
  side: Side,
  limit: () => number,
  frame: OnFrame,
  refuse: (code: CloseCode, reason: string) => void,
  started: () => void,
  claim: (bytes: number) => boolean = () => true,
  later?: (run: () => void) => void,
): Parser => {
  let partial: Buffer | undefined
  let unread: Buffer | undefined
  let unreadAt = 0
  let have = 0
  let need = 0
  let dead = false

  const drop = (): void => {
    if (partial !== undefined) claim(-partial.length)
    partial = undefined
    have = 0
  }

  const reject = (code: CloseCode, reason: string): number => {
    dead = true
    drop()
    refuse(code, reason)
    return -1
  }

  // The whole size of the frame whose header is at `at`, or -1 once it is refused.
  const total = (bytes: Buffer, at: number): number => {
    const length = uint32(bytes, at)
    const metaLength = ((bytes[at + 6] ?? 0) << 8) | (bytes[at + 7] ?? 0)
    if (length < countedHeaderBytes) return reject(closeCode.protocol, 'a length below 8')
    if (length > limit()) return reject(closeCode.tooLarge, `a frame has at most ${String(limit())} bytes here`)
    if (metaLength > length - countedHeaderBytes) return reject(closeCode.protocol, 'metadata longer than its frame')
    if (metaLength > maxMetaBytes) return reject(closeCode.protocol, 'too much metadata')
    const problem = headerProblem(side, bytes[at + 4] ?? 0, bytes[at + 5] ?? 0, uint32(bytes, at + 8), length)
    return problem === undefined ? length + 4 : reject(closeCode.protocol, problem)
  }

  const emit = (bytes: Buffer, at: number, size: number): void => {
    const body = at + headerBytes + (((bytes[at + 6] ?? 0) << 8) | (bytes[at + 7] ?? 0))
    frame(bytes[at + 4] ?? 0, bytes[at + 5] ?? 0, uint32(bytes, at + 8), bytes, at + headerBytes, body, at + size)
  }

  const room = (size: number): Buffer | undefined => {
    if (partial !== undefined && partial.length >= size) return partial
    const wanted = Math.min(need, Math.max(size, 2 * have, firstBytes))
    if (!claim(wanted - (partial?.length ?? 0))) {
      reject(closeCode.overloaded, 'too much is being received')
      return undefined
    }
    const grown = Buffer.allocUnsafeSlow(wanted)
    partial?.copy(grown, 0, 0, have)
    partial = grown
    return grown
  }

  const keep = (chunk: Buffer, at: number, until: number): void => {
    const to = room(have + until - at)
    if (to === undefined) return
    chunk.copy(to, have, at, until)
    have += until - at
  }

  // Completes the split frame; returns where the next frame begins in the chunk, or -1 when there is no next yet.
  const finish = (chunk: Buffer): number => {
    let at = 0
    for (;;) {
      const until = Math.min(chunk.length, at + need - have)
      keep(chunk, at, until)
      at = until
      if (have < need || partial === undefined) return -1
      if (need > headerBytes) break
      need = total(partial, 0)
      if (need < 0) return -1
      if (need === headerBytes) break
    }
    const whole = partial
    const size = need
    drop()
    emit(whole, 0, size)
    return at
  }

  const take = (chunk: Buffer, from: number, most: number): void => {
    let at = from
    need = headerBytes
    for (let taken = 0; !dead && chunk.length - at >= headerBytes; taken++) {
      if (taken === most) {
        unread = chunk
        unreadAt = at
        later?.(more)
        return
      }
      const size = total(chunk, at)
      if (size < 0) return
      if (chunk.length - at < size) {
        need = size
        break
      }
      emit(chunk, at, size)
      at += size
    }
    if (dead || at === chunk.length) return
    started()
    keep(chunk, at, chunk.length)
  }

  const goOn = (most: number): void => {
    if (unread === undefined) return
    const chunk = unread
    unread = undefined
    if (!dead) take(chunk, unreadAt, most)
  }
  const more = (): void => {
    goOn(atOnce)
  }
  const rest = (): void => {
    goOn(Infinity)
  }

  const push = (chunk: Buffer): void => {
    rest()
    if (dead) return
    const at = have > 0 ? finish(chunk) : 0
    if (at >= 0) take(chunk, at, later === undefined ? Infinity : atOnce)
  }

  return {
    push,
    rest,
    waiting: () => (have > 0 ? need : 0),
    stop: () => {
      dead = true
      drop()
    },
  }
}

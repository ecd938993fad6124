/**
 * Frames for the raw contender: u32 length of what follows, u8 type, u8 flags, u16 meta length, u32 id, meta, payload;
 * big-endian. Writes gather in one slab and leave in batches of at most 32 frames or 8 KB, so that both peers overlap.
 */
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'

export const REQUEST = 1
export const REPLY = 2

const HEADER = 12
const SLAB_BYTES = 65_536
const BATCH_BYTES = 8_192
const BATCH_FRAMES = 32

/** Node's undocumented fast paths, without the encoding switch and the bounds checks of `toString` and `write`. */
export type Bytes = Buffer & {
  readonly utf8Slice: (start: number, end: number) => string
  readonly latin1Slice: (start: number, end: number) => string
  readonly utf8Write: (text: string, at: number) => number
  readonly latin1Write: (text: string, at: number) => number
}

export interface Writer {
  readonly write: (type: number, id: number, meta: string, value: unknown) => void
  readonly flush: () => void
}

/** Returns where the frame ends. */
const put = (into: Bytes, start: number, type: number, id: number, meta: string, json: string): number => {
  const body = start + HEADER + into.latin1Write(meta, start + HEADER)
  const end = body + into.utf8Write(json, body)
  into.writeUInt32BE(end - start - 4, start)
  into[start + 4] = type
  into[start + 5] = 0
  into.writeUInt16BE(meta.length, start + 6)
  into.writeUInt32BE(id, start + 8)
  return end
}

export const writer = (socket: Socket): Writer => {
  let slab = Buffer.allocUnsafeSlow(SLAB_BYTES) as Bytes
  let used = 0
  let frames = 0

  /** What does not fit into the slab goes alone. */
  const writeLarge = (type: number, id: number, meta: string, json: string, most: number): void => {
    flush()
    const own = Buffer.allocUnsafeSlow(most) as Bytes
    socket.write(own.subarray(0, put(own, 0, type, id, meta, json)))
  }

  const flush = (): void => {
    if (frames === 0) return
    socket.write(slab.subarray(0, used))
    used = 0
    frames = 0
    // Bytes the kernel did not take at once still belong to the socket.
    if (socket.writableLength > 0) slab = Buffer.allocUnsafeSlow(SLAB_BYTES) as Bytes
  }

  const write: Writer['write'] = (type, id, meta, value) => {
    const json = JSON.stringify(value)
    const most = HEADER + meta.length + json.length * 3
    if (most > SLAB_BYTES) return writeLarge(type, id, meta, json, most)
    if (used + most > SLAB_BYTES) flush()
    used = put(slab, used, type, id, meta, json)
    frames += 1
    if (frames >= BATCH_FRAMES || used >= BATCH_BYTES) flush()
  }

  return { write, flush }
}

/** `meta` and the payload are the bytes [start + 12, body) and [body, end) of `bytes`; valid during the call only. */
export type OnFrame = (bytes: Bytes, type: number, id: number, meta: number, body: number, end: number) => void

/** Parses in place; only a frame that ends in a later chunk is copied, and joined once it is whole. */
export const reader = (onFrame: OnFrame): ((chunk: Buffer) => void) => {
  let parts: Array<Buffer> = []
  let have = 0
  let need = 0
  return (chunk) => {
    have += chunk.length
    if (have < need) return void parts.push(Buffer.from(chunk))
    const bytes = (parts.length === 0 ? chunk : Buffer.concat([...parts, chunk])) as Bytes
    let start = 0
    need = HEADER
    while (bytes.length - start >= HEADER) {
      need = 4 + bytes.readUInt32BE(start)
      const end = start + need
      if (end > bytes.length) break
      need = HEADER
      const meta = start + HEADER
      onFrame(bytes, bytes[start + 4]!, bytes.readUInt32BE(start + 8), meta, meta + bytes.readUInt16BE(start + 6), end)
      start = end
    }
    have = bytes.length - start
    parts = have > 0 ? [Buffer.from(bytes.subarray(start))] : []
  }
}

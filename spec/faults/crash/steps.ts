/**
 * The I/O of this process, step by step, and its end at one of them. A step is a unit that leaves a socket or arrives at
 * one: the process can be killed before the first byte of it has left, when half of it has, when all of it has, or when it
 * has arrived and nobody has read it.
 */
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Kind } from '../../brokers/software.js'
import { dialects, type Dialect } from './units.js'

/** A point in the life of a process. */
export interface Step {
  readonly when: 'before' | 'half of' | 'after' | 'at the arrival of'
  readonly unit: string
  /** Counted from 1, for each way and unit. */
  readonly nth: number
}

export interface Steps {
  /** Counts from now on. */
  readonly begin: () => void
  /** Milliseconds since something moved that is not idle. */
  readonly quietMs: () => number
  /** All that there were, in order, up to the last that is not idle. */
  readonly all: () => ReadonlyArray<Step>
}

/** What comes again and again in a process that has nothing to do. */
const idle: Readonly<Record<Kind, ReadonlySet<string>>> = {
  redis: new Set(['XREADGROUP', 'PING', 'move', 'claim', 'sweep', 'trim', 'renew']),
  amqp: new Set(['heartbeat']),
  kafka: new Set(['Fetch', 'Heartbeat']),
}

/** What is no step, since it is a matter of time alone. */
const untold = new Set(['PING', 'heartbeat', 'Heartbeat'])

// n.b. where every write of a socket passes, and every chunk that it has read; Node has no official place for either
interface Tapped {
  readonly connecting: boolean
  readonly _handle: { readonly fd: number } | null
  _writeGeneric: (writev: boolean, data: unknown, encoding: BufferEncoding, callback: unknown) => unknown
  push: (chunk: unknown, encoding?: BufferEncoding) => boolean
}

interface Piece {
  readonly chunk: string | Buffer
  readonly encoding: BufferEncoding
}

const bytesOf = (writev: boolean, data: unknown, encoding: BufferEncoding): Buffer => {
  const pieces = writev ? (data as ReadonlyArray<Piece>) : [{ chunk: data as string | Buffer, encoding }]
  return Buffer.concat(
    pieces.map((piece) => (typeof piece.chunk === 'string' ? Buffer.from(piece.chunk, piece.encoding) : piece.chunk)),
  )
}

const die = (): void => {
  process.kill(process.pid, 'SIGKILL')
}

/** Watches every socket of this process, all of them to one kind of broker; `ignored` units are no steps. */
export const watch = (kind: Kind, last: Step | undefined, ignored: ReadonlyArray<string> = []): Steps => {
  const connections = new WeakMap<object, Dialect>()
  const counts = new Map<string, number>()
  const seen: Array<Step> = []
  let told = 0
  let begun = false
  let moved = 0

  const dialectOf = (socket: object): Dialect => {
    const dialect = connections.get(socket) ?? dialects[kind]()
    connections.set(socket, dialect)
    return dialect
  }
  /** Writes down the steps of one unit; gives the one that is to be the last, if it is among them. */
  const note = (unit: string, ways: ReadonlyArray<Step['when']>): Step['when'] | undefined => {
    if (!begun || untold.has(unit) || ignored.includes(unit)) return undefined
    const key = `${String(ways[0])} ${unit}`
    const nth = (counts.get(key) ?? 0) + 1
    counts.set(key, nth)
    seen.push(...ways.map((when) => ({ when, unit, nth })))
    if (!idle[kind].has(unit)) {
      moved = performance.now()
      told = seen.length
    }
    return last?.unit === unit && last.nth === nth ? ways.find((when) => when === last.when) : undefined
  }

  const sockets = Socket.prototype as unknown as Tapped
  const write = sockets._writeGeneric
  const { push } = Readable.prototype as unknown as Tapped
  sockets._writeGeneric = function (this: Tapped, writev, data, encoding, callback) {
    // n.b. it comes again once it is connected
    if (!this.connecting) {
      const bytes = bytesOf(writev, data, encoding)
      for (const { name, start, end } of dialectOf(this).written(bytes)) {
        const when = note(name, ['before', 'half of', 'after'])
        if (when === undefined) continue
        const most = when === 'before' ? start : when === 'after' ? end : Math.floor((start + end) / 2)
        const fd = this._handle?.fd
        for (let from = 0; fd !== undefined && from < most;) from += writeSync(fd, bytes, from, most - from)
        die()
      }
    }
    return Reflect.apply(write, this, [writev, data, encoding, callback])
  }
  sockets.push = function (this: Tapped, chunk, encoding) {
    if (Buffer.isBuffer(chunk))
      for (const name of dialectOf(this).arrived(chunk)) if (note(name, ['at the arrival of']) !== undefined) die()
    return Reflect.apply(push, this, [chunk, encoding])
  }

  return {
    begin: () => {
      begun = true
      moved = performance.now()
    },
    quietMs: () => performance.now() - moved,
    all: () => seen.slice(0, told),
  }
}

export const textOf = ({ when, unit, nth }: Step): string => `${when} ${unit} ${nth}`

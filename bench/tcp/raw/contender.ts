/** The practical limit: a hand-written `net` loop with taskwire's framing and batching, and none of its protections. */
import { Buffer } from 'node:buffer'
import { connect as dial, createServer } from 'node:net'
import type { Payload } from '../../shared/payload.js'
import type { TcpContender } from '../contenders.js'
import { reader, REPLY, REQUEST, writer } from './frame.js'

const PATTERN = 'echo'
const SLOTS = 4_096
const READ_BYTES = 65_536

export const serve: TcpContender['serve'] = (port, check) =>
  new Promise((resolve, reject) => {
    const handlers = new Map<string, (payload: Payload) => Payload>([[PATTERN, (payload) => payload]])
    const server = createServer({ noDelay: true }, (socket) => {
      const out = writer(socket)
      const read = reader((bytes, type, id, meta, body, end) => {
        const handler = handlers.get(bytes.latin1Slice(meta, body))
        if (type !== REQUEST || handler === undefined) throw new Error('not a request for echo')
        out.write(REPLY, id, '', handler(check(JSON.parse(bytes.utf8Slice(body, end)))))
      })
      socket.on('data', (chunk) => {
        read(chunk)
        out.flush()
      })
      socket.on('error', () => socket.destroy())
    })
    server.on('error', reject)
    server.listen(port, '127.0.0.1', () => resolve())
  })

interface Waiting {
  readonly resolve: (payload: Payload) => void
  readonly reject: (error: unknown) => void
}

export const connect: TcpContender['connect'] = (port, check) =>
  new Promise((ready, failed) => {
    // A slot array beats a Map of pending calls, which rehashes as calls come and go.
    const waiting = new Array<Waiting | null>(SLOTS).fill(null)
    const free = Array.from({ length: SLOTS }, (_, slot) => slot)
    // The id last used in each slot: the slot in the low bits, a generation above them.
    const ids = Uint32Array.from(free)

    const read = reader((bytes, _type, id, _meta, body, end) => {
      const slot = id % SLOTS
      const call = waiting[slot]
      if (call === null || call === undefined || ids[slot] !== id) throw new Error('reply to no call')
      waiting[slot] = null
      free.push(slot)
      try {
        call.resolve(check(JSON.parse(bytes.utf8Slice(body, end))))
      } catch (error) {
        call.reject(error)
      }
    })

    const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    const callback = (length: number): boolean => {
      read(buffer.subarray(0, length))
      return true
    }
    const socket = dial({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } })
    const out = writer(socket)
    let scheduled = false
    const flush = (): void => {
      scheduled = false
      out.flush()
    }

    const send = (payload: Payload): Promise<Payload> =>
      new Promise((resolve, reject) => {
        const slot = free.pop()
        if (slot === undefined) throw new Error('too many calls in flight')
        const id = (ids[slot]! + SLOTS) >>> 0
        ids[slot] = id
        waiting[slot] = { resolve, reject }
        out.write(REQUEST, id, PATTERN, payload)
        if (scheduled) return
        scheduled = true
        // Runs once the promise callbacks of this tick have made their calls.
        process.nextTick(flush)
      })

    socket.once('connect', () => ready({ call: send }))
    socket.once('error', failed)
    socket.once('close', () => waiting.forEach((call) => call?.reject(new Error('closed'))))
  })

/** The practical limit: a hand-written `net` loop with taskwire's framing and batching, and none of its protections. */
import { Buffer } from 'node:buffer'
import { connect as dial, createServer } from 'node:net'
import type { Call } from '../../shared/contender.js'
import type { Check, Payload } from '../../shared/payload.js'
import type { TcpContender } from '../contenders.js'
import { reader, REPLY, REQUEST, writer } from './frame.js'

/** Calls of one connection. */
const SLOTS = 16_384
const READ_BYTES = 65_536

export const serve: TcpContender['serve'] = (port, endpoints) =>
  new Promise((resolve, reject) => {
    const served = new Map(endpoints.map((one) => [one.name, one]))
    const server = createServer({ noDelay: true }, (socket) => {
      const out = writer(socket)
      const read = reader((bytes, type, id, meta, body, end) => {
        const endpoint = served.get(bytes.latin1Slice(meta, body))
        if (type !== REQUEST || endpoint === undefined) throw new Error('not a request')
        const payload = endpoint.check(JSON.parse(bytes.utf8Slice(body, end)))
        const { held } = endpoint
        if (held === undefined) return out.write(REPLY, id, '', payload)
        held.started()
        void held.reply.then((reply) => {
          out.write(REPLY, id, '', reply)
          out.flush()
        })
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
  readonly check: Check
  readonly resolve: (payload: Payload) => void
  readonly reject: (error: unknown) => void
}

export const connect: TcpContender['connect'] = (port, endpoints) =>
  new Promise((ready, failed) => {
    // Slots beat a Map of pending calls, which rehashes as calls come and go.
    const waiting: Array<Waiting | null> = []
    const free: Array<number> = []
    // The id last used in each slot: the slot in the low bits, a generation above them.
    const ids: Array<number> = []

    const read = reader((bytes, _type, id, _meta, body, end) => {
      const slot = id % SLOTS
      const call = waiting[slot]
      if (call === null || call === undefined || ids[slot] !== id) throw new Error('reply to no call')
      waiting[slot] = null
      free.push(slot)
      try {
        call.resolve(call.check(JSON.parse(bytes.utf8Slice(body, end))))
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

    const slotOf = (): number => {
      const slot = free.pop()
      if (slot !== undefined) return slot
      if (waiting.length === SLOTS) throw new Error('too many calls in flight')
      ids.push(waiting.length)
      return waiting.push(null) - 1
    }

    const call =
      (name: string, check: Check): Call =>
      (payload) =>
        new Promise((resolve, reject) => {
          const slot = slotOf()
          const id = (ids[slot]! + SLOTS) >>> 0
          ids[slot] = id
          waiting[slot] = { check, resolve, reject }
          out.write(REQUEST, id, name, payload)
          if (scheduled) return
          scheduled = true
          // Runs once the promise callbacks of this tick have made their calls.
          process.nextTick(flush)
        })

    socket.once('connect', () => ready({ calls: endpoints.map(({ name, check }) => call(name, check)) }))
    socket.once('error', failed)
    socket.once('close', () => waiting.forEach((one) => one?.reject(new Error('closed'))))
  })

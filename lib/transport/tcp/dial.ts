/** Opens a socket to a server and reads it, with or without TLS. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Address } from '../transport.js'
import type { Settings } from './options.js'
import type { Wire } from './writer.js'

const slabBytes = 65_536
const leastRead = 16_384

/**
 * Buffers to read into, handed out one behind the other from large ones, so that a read allocates nothing and what was
 * read stays valid for as long as somebody holds it.
 */
const readBuffers = (): (() => Buffer) & { readonly used: (bytes: number) => void } => {
  let slab = Buffer.allocUnsafeSlow(0)
  let at = 0
  const next = (): Buffer => {
    if (slab.length - at < leastRead) {
      slab = Buffer.allocUnsafeSlow(slabBytes)
      at = 0
    }
    return slab.subarray(at)
  }
  return Object.assign(next, {
    used: (bytes: number): void => {
      at += bytes
    },
  })
}

/** Dials; `read` gets what comes, `connected` is called when bytes may be written. Ends with the event `close`. */
export type Dial = (
  settings: Settings,
  address: Address,
  connected: () => void,
  read: (chunk: Buffer) => void,
) => Socket

export const dial: Dial = (settings, { host, port }, connected, read) => {
  if (settings.tls !== undefined) {
    const socket = connectTls(
      { minVersion: 'TLSv1.2', ALPNProtocols: ['msg1'], ...settings.tls, host, port },
      connected,
    )
    socket.setNoDelay(true)
    return socket.on('data', read)
  }
  const buffers = readBuffers()
  // n.b. `onread` goes round the stream machinery; with TLS it is not to be had
  return connect(
    {
      host,
      port,
      noDelay: true,
      onread: {
        buffer: buffers,
        callback: (bytes, buffer) => {
          buffers.used(bytes)
          read((buffer as Buffer).subarray(0, bytes))
          return true
        },
      },
    },
    connected,
  )
}

/** A socket as a wire, from before it is there. */
export const wireOf = (socket: () => Socket | undefined): Wire => ({
  write: (bytes) => socket()?.write(bytes) ?? true,
  end: () => socket()?.end(),
  destroy: () => socket()?.destroy(),
  pause: () => socket()?.pause(),
  resume: () => socket()?.resume(),
  get writableLength() {
    return socket()?.writableLength ?? 0
  },
})

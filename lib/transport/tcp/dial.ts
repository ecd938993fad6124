/** Opens a socket to a server and reads it, with or without TLS. */
import { connect, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Address } from '../transport.js'
import type { Settings } from './options.js'

const firstSlab = 4_096
const largestSlab = 65_536

/**
 * Buffers to read into, handed out one behind the other from larger ones, so that a read allocates nothing and what was
 * read stays valid for as long as somebody holds it. The larger ones grow with what comes at once: of thousands of
 * connections that hear a little each, none holds much.
 */
const readBuffers = (): { readonly next: () => Buffer; readonly used: (bytes: number) => void } => {
  let size = firstSlab
  let slab = Buffer.allocUnsafeSlow(size)
  let at = 0
  let most = 0
  return {
    next: () => {
      if (slab.length - at < slab.length / 4) {
        if (most > size / 4) size = Math.min(2 * size, largestSlab)
        most = 0
        slab = Buffer.allocUnsafeSlow(size)
        at = 0
      }
      return at === 0 ? slab : slab.subarray(at)
    },
    used: (bytes) => {
      at += bytes
      most = Math.max(most, bytes)
    },
  }
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
    // n.b. an address is no server name
    const named = isIP(host) === 0 ? { servername: host } : {}
    const socket = connectTls(
      { minVersion: 'TLSv1.2', ALPNProtocols: ['msg1'], ...named, ...settings.tls, host, port },
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
        buffer: buffers.next,
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

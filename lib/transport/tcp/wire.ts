/** A socket as a wire. */
import type { Socket } from 'node:net'
import type { Wire } from './writer.js'

/** What the system has not taken of the write under way, where Node tells: its own socket timeout looks at the same. */
const queuedOf = (socket: Socket | undefined): number => {
  const { _handle: handle } = (socket ?? {}) as { readonly _handle?: { readonly writeQueueSize?: unknown } | null }
  const size = handle?.writeQueueSize
  return typeof size === 'number' ? size : 0
}

/** Works from before the socket is there. */
export const wireOf = (socket: () => Socket | undefined): Wire => ({
  write: (bytes) => socket()?.write(bytes) ?? true,
  end: () => socket()?.end(),
  destroy: () => socket()?.destroy(),
  pause: () => socket()?.pause(),
  resume: () => socket()?.resume(),
  writableLength: () => socket()?.writableLength ?? 0,
  queued: () => queuedOf(socket()),
})

/** One direction of one connection through a proxy. */
import { type Socket } from 'node:net'
import { type Gate } from './gate.js'

/** More than this is left with the sender. */
const most = 1_000_000

/**
 * Resets a connection, or closes it where its end is under way: libuv refuses to reset such a one (EINVAL of
 * `uv_tcp_close_reset`), and Node then never closes its handle.
 */
export const reset = (socket: Socket): void => {
  if (socket.destroyed) return
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}

/** Writes as far as the other side takes it, and gives up when the socket closes. */
const written = (to: Socket, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      to.off('close', done)
      resolve()
    }
    to.on('close', done)
    to.write(bytes, done)
  })

/**
 * Passes on what `from` sends, its end and its failure, in their order and as `gate` allows. Nothing is lost while the
 * gate is held: as after an outage of the network, it arrives later.
 */
export const flow = (from: Socket, to: Socket, gate: Gate): void => {
  let turn = Promise.resolve()
  let waiting = 0
  const next = (due: number, act: () => void | Promise<void>): void => {
    turn = turn.then(() => gate.opened(due)).then(act)
  }
  from.on('data', (bytes: Buffer) => {
    waiting += bytes.length
    if (waiting > most) from.pause()
    next(gate.due(), async () => {
      waiting -= bytes.length
      if (waiting <= most) from.resume()
      if (!to.writable) return
      const { taken, cut } = gate.take(bytes.length)
      if (taken > 0) await written(to, bytes.subarray(0, taken))
      if (!cut) return
      // What was written before still arrives.
      to.destroySoon()
      reset(from)
    })
  })
  from.on('end', () => next(gate.due(), () => void to.end()))
  from.on('error', () => {})
  from.on('close', (failed: boolean) => {
    if (failed) next(0, () => reset(to))
  })
}

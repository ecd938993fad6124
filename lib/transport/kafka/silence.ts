/**
 * Sockets that have died without a word: something was asked on them, and nothing comes. kafkajs itself waits half a minute
 * for an answer, and then asks on the same connection again.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../../core/clock.js'

export interface Silence {
  /** Ends it with an error once it is silent for too long, and with it the others to the same broker. */
  readonly watch: (socket: Socket) => void
  /** How long an answer may take from now on, in milliseconds. */
  readonly patience: (ms: number) => void
  readonly end: () => void
}

/** Between two looks, in milliseconds. */
const lookMs = 500

export const silence = (clock: Clock, first: number): Silence => {
  // How much had been written when something came last, and how many looks ago more was.
  const sockets = new Map<Socket, { answered: number; looks: number }>()
  let most = first
  let forget: (() => void) | undefined

  const brokerOf = ({ remoteAddress, remotePort }: Socket): string => `${String(remoteAddress)} ${String(remotePort)}`
  // n.b. looks are counted, not time: whoever was not running heard nothing meanwhile
  const look = (): void => {
    forget = undefined
    const silent = new Set<string>()
    for (const [socket, state] of sockets) {
      state.looks = socket.bytesWritten > state.answered ? state.looks + 1 : 0
      if (state.looks * lookMs > most) silent.add(brokerOf(socket))
    }
    for (const socket of silent.size === 0 ? [] : sockets.keys())
      if (silent.has(brokerOf(socket))) socket.destroy(new Error('no answer came for too long'))
    next()
  }
  const next = (): void => {
    if (sockets.size > 0) forget ??= clock.after(lookMs, look, true)
  }
  const end = (): void => {
    forget?.()
    forget = undefined
    sockets.clear()
  }

  return {
    watch: (socket) => {
      const state = { answered: socket.bytesWritten, looks: 0 }
      sockets.set(socket, state)
      // n.b. before kafkajs hears of it, and asks the next question
      socket.on('data', () => {
        state.answered = socket.bytesWritten
        state.looks = 0
      })
      socket.once('close', () => sockets.delete(socket))
      next()
    },
    patience: (ms) => {
      most = ms
      for (const state of sockets.values()) state.looks = 0
    },
    end,
  }
}

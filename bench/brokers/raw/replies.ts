/** What a hand-written client does with replies: a map of the calls that wait, by a counter. */
import type { Payload } from '../../shared/payload.js'

interface Waiting {
  readonly resolve: (payload: Payload) => void
  readonly reject: (error: unknown) => void
}

export interface Replies {
  /** A call that `send` sends with the id it is given. */
  readonly wait: (send: (id: string) => void) => Promise<Payload>
  /** A reply to nobody is ignored: it came too late. */
  readonly settle: (id: string, read: () => Payload) => void
  readonly fail: (id: string, error: unknown) => void
}

export const replies = (): Replies => {
  const waiting = new Map<string, Waiting>()
  let last = 0
  const take = (id: string): Waiting | undefined => {
    const call = waiting.get(id)
    waiting.delete(id)
    return call
  }
  return {
    wait: (send) =>
      new Promise((resolve, reject) => {
        const id = String((last += 1))
        waiting.set(id, { resolve, reject })
        send(id)
      }),
    settle: (id, read) => {
      const call = take(id)
      if (call === undefined) return
      try {
        call.resolve(read())
      } catch (error) {
        call.reject(error)
      }
    },
    fail: (id, error) => take(id)?.reject(error),
  }
}

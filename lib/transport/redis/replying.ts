/** Replies on their way to those who asked. */
import { takesMany } from './keys.js'
import { pack, type ReplyMessage } from './reply-message.js'
import type { Shared } from './shared.js'

export interface Reply extends ReplyMessage {
  /** Where it is published. */
  readonly channel: string
  /** Of no use afterwards, on the clock's monotonic time. */
  readonly until: number
}

export interface Replying {
  /** Publishes in the course of this tick. */
  readonly reply: (reply: Reply) => void
  /** Hands in what waits for the end of its tick. */
  readonly flush: () => void
  /** Publishes nothing a second time any more. */
  readonly stop: () => void
}

/** When a reply is published again that nobody heard, in milliseconds: its caller may be about to reconnect. */
const unheardMs = [100, 400, 1_600]

/** Replies in one message, and the bytes of their bodies. */
const most = 64
const mostBytes = 1_048_576

interface Parcel {
  readonly replies: Array<Reply>
  bytes: number
}

export const replying = ({ settings, env, lasting }: Shared): Replying => {
  const { clock } = env
  const timers = new Set<() => void>()
  let due: Array<Reply> = []
  let stopped = false

  const publish = (channel: string, replies: ReadonlyArray<Reply>, tries: number): void => {
    let heard = 0
    const left = (): ReadonlyArray<Reply> => {
      const now = clock.now()
      return replies.filter(({ until }) => now <= until)
    }
    lasting.write(
      'publishing a reply',
      async ({ redis }) => {
        const timely = left()
        if (timely.length > 0) heard = await redis.publish(channel, pack(timely))
      },
      (written) => {
        const wait = unheardMs[tries]
        // n.b. in a cluster the number says nothing of those at other nodes
        if (!written || heard > 0 || settings.cluster !== undefined || wait === undefined || stopped) return
        const forget = clock.after(
          wait,
          () => {
            timers.delete(forget)
            const again = left()
            if (again.length > 0) publish(channel, again, tries + 1)
          },
          true,
        )
        timers.add(forget)
      },
      () => left().length === 0,
    )
  }

  // One message for what a tick answers to one caller: with a message for each, both sides took a third of their time more.
  const flush = (): void => {
    const all = due
    due = []
    const open = new Map<string, Parcel>()
    const parcels: Array<Parcel> = []
    for (const one of all) {
      let to = open.get(one.channel)
      if (to === undefined || to.replies.length === most || to.bytes + one.body.length > mostBytes) {
        to = { replies: [], bytes: 0 }
        parcels.push(to)
        if (takesMany(one.channel)) open.set(one.channel, to)
      }
      to.replies.push(one)
      to.bytes += one.body.length
    }
    for (const { replies } of parcels) publish(replies[0]?.channel ?? '', replies, 0)
  }

  return {
    reply: (one) => {
      if (due.push(one) === 1) process.nextTick(flush)
    },
    flush,
    stop: () => {
      stopped = true
      for (const forget of timers) forget()
      timers.clear()
    },
  }
}

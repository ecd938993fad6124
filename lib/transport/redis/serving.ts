/** The requests of one pattern, as one replica answers them. */
import * as O from 'fp-ts/lib/Option.js'
import type { Settlement } from '../../core/settlement.js'
import { answerText, requestOf } from '../broker/addressed.js'
import { lateMs } from '../broker/deadline.js'
import { replyOf } from '../broker/reply.js'
import { atMost } from './at-most.js'
import { contextOf, messageOf } from './context-of.js'
import { entryOf, mostBesideBytes, readOf, type Read } from './entry.js'
import { createGroup } from './group.js'
import { isReplyChannel, requestGroup, requestKeys } from './keys.js'
import { isCall } from './reply-message.js'
import { blockMs } from './limits.js'
import { reader, type Reader } from './reader.js'
import { replying } from './replying.js'
import * as scripts from './scripts.js'
import type { DeliverRedis, Shared, Target } from './shared.js'
import type { Wire } from './wire.js'

/** Consumers that have shown no life for so long are forgotten, in milliseconds. */
const goneMs = 60 * 60 * 1_000
/** How long a stop waits for what others are told of it, in milliseconds. */
const leaveMs = 500

export interface Serving {
  readonly reader: Reader
  readonly stop: () => Promise<void>
  /** Hands in the replies of this tick, before the writes that must last are closed. */
  readonly flush: () => void
}

/** Makes what callers look for, and says that this replica is there. */
export const prepareServing = async (shared: Shared, wire: Wire, pattern: string): Promise<void> => {
  const { stream } = requestKeys(shared.settings.prefix, pattern)
  await createGroup(wire.redis, stream, requestGroup, '0')
  await announce(shared, wire, pattern)
}

const announce = ({ settings, consumer }: Shared, { run }: Wire, pattern: string): Promise<unknown> =>
  run(scripts.present, [requestKeys(settings.prefix, pattern).presence], [consumer, settings.limits.presenceMs])

export const serving = (
  shared: Shared,
  pattern: string,
  target: Target,
  deliver: DeliverRedis,
  maxMessageBytes: number,
): Serving => {
  const { settings, env, consumer, commands } = shared
  const { clock } = env
  const { name, prefix, limits } = settings
  const { stream, presence } = requestKeys(prefix, pattern)
  const replies = replying(shared)
  let forget = (): void => undefined
  let stopped = false

  const arrive = ({ id, fields: flat }: Read): void => {
    const entry = entryOf(id, flat ?? [])
    const { fields, body } = entry
    const { call, replyTo, deadline } = requestOf(fields, clock)
    // n.b. one that has expired is refused by the runtime; the answer costs little, and clocks differ
    const now = clock.now()
    const until = (O.isSome(deadline) ? Math.max(deadline.value, now) : now) + lateMs
    const reply = (settlement: Settlement): void => {
      if (!isCall(call) || !isReplyChannel(prefix, replyTo)) return
      const made = replyOf(settlement, maxMessageBytes)
      replies.reply({ channel: replyTo, text: answerText(call, made), body: made.body, until })
    }
    if (body.length > maxMessageBytes || entry.besideBytes > mostBesideBytes) {
      reply({ _tag: 'Fail', failure: { _tag: 'MessageTooLarge', limitBytes: maxMessageBytes } })
      return
    }
    const message = messageOf(entry, `${stream}/${id}`)
    const context = contextOf(entry, message, { name, pattern, stream, deliveries: 1, attempt: 1, deadline })
    const key = message.described.key
    target.outstanding += 1
    deliver(
      {
        subscription: target.index,
        context,
        body,
        identified: message.identified,
        key,
        firstFailedAt: undefined,
        admitted: undefined,
      },
      (settlement) => {
        target.outstanding -= 1
        reply(settlement)
        source.wake()
      },
    )
  }

  const source = reader(shared, {
    what: stream,
    places: () => (stopped ? 0 : target.subscription.window - target.outstanding),
    prepare: () => Promise.resolve(true),
    read: async ({ read }, count) => {
      const from = ['NOACK', 'STREAMS', stream, '>']
      const answer = await read('GROUP', requestGroup, consumer, 'COUNT', count, 'BLOCK', blockMs, ...from)
      for (const one of readOf(answer)) arrive(one)
    },
    mend: async () => {
      const wire = commands.current()
      if (wire !== undefined) await createGroup(wire.redis, stream, requestGroup, '0')
    },
  })

  const refresh = (): void => {
    forget = clock.after(limits.presenceMs / 3, refresh, true)
    const wire = commands.current()
    if (wire === undefined) return
    announce(shared, wire, pattern).catch(() => undefined)
    wire.run(scripts.forget, [stream], [requestGroup]).catch(() => undefined)
    wire.run(scripts.sweep, [stream], [requestGroup, goneMs]).catch(() => undefined)
  }
  forget = clock.after(limits.presenceMs / 3, refresh, true)

  return {
    reader: source,
    stop: async () => {
      stopped = true
      forget()
      replies.stop()
      const wire = commands.current()
      // n.b. first, so that no caller waits for this replica any more
      if (wire !== undefined) await atMost(clock, leaveMs, wire.redis.zrem(presence, consumer))
      await source.stop()
      if (wire !== undefined) await atMost(clock, leaveMs, wire.run(scripts.leave, [stream], [requestGroup, consumer]))
    },
    flush: replies.flush,
  }
}

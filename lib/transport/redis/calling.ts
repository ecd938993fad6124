/** Requests of a caller. */
import * as E from 'fp-ts/lib/Either.js'
import { freshId } from '../../core/clock.js'
import { deadlines, type Due } from '../../core/deadlines.js'
import type { ConnectError } from '../../core/error.js'
import type { Answer, Cancel, Outgoing } from '../transport.js'
import { answered, usualContentType, writeRequest } from '../broker/addressed.js'
import { field, writeHeaders, type Writing } from '../broker/attributes.js'
import { deadlineWriter } from '../broker/deadline.js'
import { closed, failing } from '../broker/failing.js'
import { answerOf } from '../broker/reply.js'
import { callFailed, connectFailed, neverConnected } from './errors.js'
import { partsOf } from './entry.js'
import { remembered, replyChannel, requestGroup, requestKeys } from './keys.js'
import { presenceAfterMs } from './limits.js'
import type { Link } from './link.js'
import { unpack } from './reply-message.js'
import * as scripts from './scripts.js'
import type { Shared } from './shared.js'
import type { Wire } from './wire.js'

export interface Calling {
  readonly request: (message: Outgoing, answer: (answer: Answer) => void) => Cancel
  /** The connection that hears replies; opened when it is first asked for. */
  readonly replies: () => Link
  /** Fails what is pending, and every later one, as `Closed`. */
  readonly close: () => void
}

interface Call extends Due {
  dueAt: number
  readonly pattern: string
  /** The id of its entry, once Redis has said it. */
  entry: string | undefined
  readonly finish: (answer?: Answer) => void
}

/** Looked after again so often, in milliseconds, while no reply comes. */
const againMs = 1_000
/** After an outage those who answer need a moment to come back, in milliseconds. */
const returningMs = 5_000

export const calling = ({ settings, env, links, commands }: Shared): Calling => {
  const { name, prefix, limits } = settings
  const { clock, random, instance } = env
  const deadline = deadlineWriter(clock)
  const channel = replyChannel(prefix, instance)
  const keys = remembered((pattern) => requestKeys(prefix, pattern))
  const calls = new Map<string, Call>()
  const abandons = new Set<() => void>()
  const here = new Map<string, { readonly until: number; readonly count: Promise<number> }>()
  let opened: Link | undefined
  let wire: Wire | undefined
  let patientUntil = 0
  let over = false

  const hear = (text: string, body: Buffer): void => {
    const { call, fields } = answered(text)
    calls.get(call)?.finish(answerOf(name, fields, body))
  }
  const replies = (): Link =>
    (opened ??= links.open('replies', 'the connection that hears replies', async ({ redis }) => {
      redis.on('messageBuffer', (_: unknown, message: Buffer) => {
        unpack(message, hear)
      })
      try {
        await redis.subscribe(channel)
        return E.right(undefined)
      } catch (error) {
        return E.left(connectFailed(name, 'replies cannot be heard', error))
      }
    }))

  // One question for all requests of a pattern.
  const present = (open: Wire, pattern: string): Promise<number> => {
    const known = here.get(pattern)
    if (known !== undefined && known.until > clock.now()) return known.count
    const count = open.run(scripts.replicas, [keys(pattern).presence], []).then(Number)
    here.set(pattern, { until: clock.now() + againMs / 2, count })
    count.then(
      (n) => {
        if (n === 0) here.delete(pattern)
      },
      () => here.delete(pattern),
    )
    return count
  }
  const lookAfter = async (open: Wire, { pattern, entry, finish }: Call): Promise<void> => {
    if (entry === undefined || (await present(open, pattern)) > 0) return
    const { stream, presence } = keys(pattern)
    const withdrawn = await open.run(scripts.withdraw, [presence, stream], [requestGroup, entry])
    if (withdrawn === 1) finish(failing({ _tag: 'NoHandler', pattern }))
  }
  const table = deadlines<Call>(clock, (call) => {
    call.dueAt = clock.now() + againMs
    table.add(call)
    const open = commands.current()
    if (open !== undefined && clock.now() >= patientUntil) lookAfter(open, call).catch(() => undefined)
  })

  // n.b. a request says of itself only what its handler is told: everything else costs both sides, and lies nowhere for long
  const partsFor = (message: Outgoing, call: string, timeoutMs: number) => {
    const { contentType, headers, messageId, correlationId, causationId, key } = message
    const fields: Writing = {}
    writeRequest(fields, call, channel, timeoutMs, deadline)
    if (contentType !== usualContentType) fields[field.contentType] = contentType
    if (messageId !== undefined) fields['ce_id'] = messageId
    if (correlationId !== undefined) fields['ce_correlationid'] = correlationId
    if (causationId !== undefined) fields['ce_causationid'] = causationId
    if (key !== undefined) fields['ce_partitionkey'] = key
    writeHeaders(fields, headers)
    return partsOf(message.body, fields)
  }

  return {
    request: (message, answer) => {
      if (over) {
        answer(closed('no'))
        return () => 'no'
      }
      const id = freshId(random)
      let written = false
      let ended = false
      let leaveReplies = (): void => undefined
      let leaveCommands = (): void => undefined
      const startedAt = clock.now()
      const finish = (given?: Answer): void => {
        if (ended) return
        ended = true
        calls.delete(id)
        abandons.delete(abandon)
        table.remove(call)
        leaveReplies()
        leaveCommands()
        if (given === undefined) return
        deadline.heard(given, message.timeoutMs, startedAt)
        answer(given)
      }
      const abandon = (): void => {
        finish(closed(written ? 'maybe' : 'no'))
      }
      const call: Call = { dueAt: 0, slot: -1, pattern: message.pattern, entry: undefined, finish }
      abandons.add(abandon)

      const write = (open: Wire): void => {
        if (ended) return
        if (open !== wire) {
          if (wire !== undefined) patientUntil = clock.now() + returningMs
          wire = open
        }
        written = true
        calls.set(id, call)
        const { stream } = keys(message.pattern)
        const parts = partsFor(message, id, message.timeoutMs - (clock.now() - startedAt))
        open.redis.xadd(stream, 'MAXLEN', '~', limits.maxRequests, '*', ...parts).then(
          (entry) => {
            if (ended || entry === null) return
            call.entry = entry
            call.dueAt = clock.now() + presenceAfterMs
            table.add(call)
          },
          (error: unknown) => {
            finish(callFailed(name, error))
          },
        )
      }
      const never = (error: ConnectError): void => {
        finish(over ? closed('no') : neverConnected(name, error))
      }
      // n.b. a reply that comes before its channel is subscribed to is gone
      leaveReplies = replies().whenOpen(() => {
        if (!ended) leaveCommands = commands.whenOpen(write, never)
      }, never)
      return () => {
        finish()
        return written ? 'maybe' : 'no'
      }
    },
    replies,
    close: () => {
      over = true
      for (const abandon of [...abandons]) abandon()
      table.stop()
    },
  }
}

/** A request on the server, from its frame to its answer. */
import * as O from 'fp-ts/lib/Option.js'
import type { Out } from './channel.js'
import { contextOf, isIdentified } from './context.js'
import type { Origin } from './context.js'
import { refusal } from './frame.js'
import type { House } from './house.js'
import type { InFlight } from './inflight.js'
import { metaKey } from './key.js'
import { reject, reply } from './answer.js'
import type { Routed } from './route.js'

/** The connection a message came by. */
export interface Caller {
  readonly out: Out
  readonly origin: Origin
  readonly waiting: InFlight
  /** The largest body that the caller takes. */
  readonly limit: number
}

/** Hands a request to its endpoint, and its settlement back to the caller. `size` is the frame's. */
export const takeRequest = (
  house: House,
  caller: Caller,
  id: number,
  routed: Routed,
  body: Uint8Array,
  size: number,
  now: number,
): void => {
  const { out, waiting, limit } = caller
  const { route, meta } = routed
  const subscription = route.message
  if (subscription === undefined)
    return reject(out, id, refusal.noHandler, { _tag: 'NoHandler', pattern: route.pattern })
  if (routed.timeoutMs === 0)
    return reject(out, id, refusal.expired, { _tag: 'TimeoutError', afterMs: 0, waitingFor: 'handler' })
  const { limits } = house.settings
  if (!house.pending.enter(size))
    return reject(out, id, refusal.overloaded, { _tag: 'Overloaded', limit: limits.maxPending })
  const timeout = routed.timeoutMs < 0 ? limits.maxTimeout : Math.min(routed.timeoutMs, limits.maxTimeout)
  const context = contextOf(caller.origin, routed, id, O.some(now + timeout))
  const place = waiting.add(id, context)
  const withdraw = house.deliver(
    {
      subscription,
      context,
      body,
      identified: isIdentified(routed),
      key: meta?.text(metaKey.orderingKey),
      firstFailedAt: undefined,
      admitted: undefined,
    },
    (settlement) => {
      // n.b. a second settlement of one request would answer an id that is free again
      if (!waiting.remove(place, id)) return
      house.pending.leave(size)
      reply(out, id, settlement, limit, limits.sendBufferBytes)
    },
  )
  if (withdraw !== undefined) waiting.waits(place, id, withdraw)
}

/** An event on the server: acknowledged when its endpoints have taken it, retried from memory. */
import { nextAttempt } from '../../core/context.js'
import type { Delivery } from '../../core/delivery.js'
import type { Issue } from '../../core/error.js'
import type { Settlement } from '../../core/settlement.js'
import { contextOf, noDeadline } from './context.js'
import type { TcpContext } from './context.js'
import { accept, refuse, reject } from './answer.js'
import { refusal } from './frame.js'
import type { House } from './house.js'
import { metaKey } from './key.js'
import type { Caller } from './requests.js'
import type { Routed } from './route.js'

type Refuse = Settlement & { readonly _tag: 'Refuse' }

type Event = Delivery<TcpContext<string>>

const endpointOf = (house: House, event: Event): string => house.subscriptions[event.subscription]?.endpoint ?? ''

// A small body inside a large read would keep all of it alive for as long as it waits.
const own = (body: Uint8Array): Uint8Array =>
  body.buffer.byteLength > 2 * body.length + 1_024 ? new Uint8Array(body) : body

const later = (house: House, event: Event, settlement: Settlement & { readonly _tag: 'Retry' }): void => {
  const { delayMs, attempt, reason } = settlement
  const again: Event = {
    subscription: event.subscription,
    context: nextAttempt(event.context, attempt),
    body: own(event.body),
    key: event.key,
    firstFailedAt: reason.firstFailedAt,
    admitted: undefined,
  }
  const endpoint = endpointOf(house, event)
  const added = house.retries.add(endpoint, again.body.length, delayMs, () => {
    if (house.draining()) return house.lost(endpoint)
    house.deliver(again, (next) => {
      settled(house, again, next)
    })
  })
  if (added) return
  house.lost(endpoint)
  house.environment.log(`${house.settings.name}: no room for another delayed retry; an event of ${endpoint} is dropped`)
}

/** Applies the settlement of an event that its sender knows to be accepted. */
const settled = (house: House, event: Event, settlement: Settlement): void => {
  if (settlement._tag === 'Retry') later(house, event, settlement)
  else if (settlement._tag === 'Refuse') house.lost(endpointOf(house, event))
}

/** Hands an event to every endpoint of its pattern, and tells the caller once all have taken or refused it. */
export const takeEvent = (
  house: House,
  caller: Caller,
  id: number,
  routed: Routed,
  body: Uint8Array,
  size: number,
): void => {
  const { out, waiting } = caller
  const { route, meta } = routed
  if (route.events.length === 0)
    return reject(out, id, refusal.noHandler, { _tag: 'NoHandler', pattern: route.pattern })
  if (house.retries.full() || !house.pending.enter(size))
    return reject(out, id, refusal.overloaded, { _tag: 'Overloaded', limit: house.settings.limits.maxPending })
  const place = waiting.add(id, undefined)
  const key = meta?.text(metaKey.orderingKey)
  let undecided = route.events.length
  let running = route.events.length
  let taken = false
  let refused: Refuse | undefined
  let issues: ReadonlyArray<Issue> = []

  const decide = (): void => {
    undecided -= 1
    if (undecided > 0 || !waiting.remove(place, id)) return
    if (taken) accept(out, id)
    else if (refused !== undefined) refuse(out, id, refused)
    else reject(out, id, refusal.badMessage, { _tag: 'InvalidPayload', issues })
  }

  const hand = (subscription: number): void => {
    let decided = false
    let finished = false
    const admitted = (found: ReadonlyArray<Issue> | undefined): void => {
      if (decided) return
      decided = true
      if (found === undefined) taken = true
      else if (issues.length === 0) issues = found
      decide()
    }
    const event: Event = {
      subscription,
      context: contextOf(caller.origin, routed, id, noDeadline),
      body,
      key,
      firstFailedAt: undefined,
      admitted,
    }
    house.deliver(event, (settlement) => {
      if (finished) return
      finished = true
      running -= 1
      if (running === 0) house.pending.leave(size)
      if (decided || settlement._tag !== 'Refuse') {
        admitted(undefined)
        return settled(house, event, settlement)
      }
      decided = true
      refused ??= settlement
      decide()
      // Others have taken it, so that the caller will not send it again.
      if (taken) house.lost(endpointOf(house, event))
    })
  }
  for (const subscription of route.events) hand(subscription)
}

/**
 * An event on the server: acknowledged when its endpoints have taken it, taken back where it waits and its sender gives
 * it up. Later attempts are the runtime's.
 */
import type { Withdraw } from '../../core/delivery.js'
import type { Issue } from '../../core/error.js'
import type { Settlement } from '../../core/settlement.js'
import { contextOf, isIdentified, noDeadline } from './context.js'
import { accept, refuse, reject } from './answer.js'
import { refusal } from './frame.js'
import type { House } from './house.js'
import { metaKey } from './key.js'
import type { Caller } from './requests.js'
import type { Routed } from './route.js'

type Refuse = Settlement & { readonly _tag: 'Refuse' }

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
  if (!house.pending.enter(size))
    return reject(out, id, refusal.overloaded, { _tag: 'Overloaded', limit: house.settings.limits.maxPending })
  const place = waiting.add(id, undefined)
  const key = meta?.text(metaKey.orderingKey)
  const identified = isIdentified(routed)
  let undecided = route.events.length
  let running = route.events.length
  let taken = false
  let refused: Refuse | undefined
  const refusing: Array<string> = []
  let issues: ReadonlyArray<Issue> = []

  const decide = (): void => {
    undecided -= 1
    if (undecided > 0 || !waiting.remove(place, id)) return
    if (taken) {
      accept(out, id)
      // The caller knows it as accepted, so that it will not send it again for those.
      for (const endpoint of refusing) house.lost(endpoint)
    } else if (refused !== undefined) refuse(out, id, refused)
    else reject(out, id, refusal.badMessage, { _tag: 'InvalidPayload', issues })
  }

  // n.b. the body is an argument, so that no closure keeps it, and with it the read that it is a part of
  const hand = (subscription: number, bytes: Uint8Array): Withdraw | undefined => {
    let decided = false
    let finished = false
    const admitted = (found: ReadonlyArray<Issue> | undefined): void => {
      if (decided) return
      decided = true
      if (found === undefined) taken = true
      else if (issues.length === 0) issues = found
      decide()
    }
    const context = contextOf(caller.origin, routed, id, noDeadline)
    const delivery = { subscription, context, body: bytes, identified, key, firstFailedAt: undefined, admitted }
    const withdraw = house.deliver(delivery, (settlement) => {
      if (finished) return
      finished = true
      running -= 1
      if (running === 0) house.pending.leave(size)
      if (settlement._tag !== 'Refuse') {
        admitted(undefined)
        return
      }
      const endpoint = house.subscriptions[subscription]?.endpoint ?? ''
      if (decided) {
        house.lost(endpoint)
        return
      }
      decided = true
      refused = settlement
      refusing.push(endpoint)
      decide()
    })
    return decided ? undefined : withdraw
  }
  let withdraws: Array<Withdraw> | undefined
  for (const subscription of route.events) {
    const withdraw = hand(subscription, body)
    if (withdraw !== undefined) (withdraws ??= []).push(withdraw)
  }
  if (withdraws === undefined) return
  const all = withdraws
  waiting.waits(place, id, () => {
    for (const withdraw of all) withdraw()
  })
}

/** From the metadata of a message to what listens on its pattern. */
import { isWildcard, router } from '../../core/pattern.js'
import type { Subscription } from '../transport.js'
import { metaKey } from './key.js'
import { decodeMeta } from './meta.js'
import type { Meta } from './meta.js'

/** What listens on a pattern, as indices of subscriptions. */
export interface Route {
  readonly pattern: string
  readonly message: number | undefined
  readonly events: ReadonlyArray<number>
}

/** A message's metadata, read. `timeoutMs` is -1 when absent, `meta` absent on the short way. */
export interface Routed {
  readonly route: Route
  readonly timeoutMs: number
  readonly meta: Meta | undefined
}

const leastSlots = 256
const mostSlots = 65_536

/**
 * Routes by the bytes of a pattern, without making text of them: the latest pattern in each of some places is kept, four
 * times as many as there are patterns. A peer that sends many others only costs itself the short way.
 */
const interned = (
  routeOf: (pattern: string) => Route,
  patterns: number,
): ((bytes: Buffer, from: number, end: number) => Route) => {
  const slots = Math.min(mostSlots, Math.max(leastSlots, 2 ** Math.ceil(Math.log2(4 * patterns + 1))))
  const kept: Array<{ readonly bytes: Buffer; readonly route: Route } | undefined> = Array.from({ length: slots })
  return (bytes, from, end) => {
    let hash = end - from
    for (let i = from; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] ?? 0)) | 0
    const slot = hash & (slots - 1)
    const found = kept[slot]
    if (found !== undefined && found.bytes.length === end - from) {
      let i = 0
      while (i < found.bytes.length && found.bytes[i] === bytes[from + i]) i++
      if (i === found.bytes.length) return found.route
    }
    const route = routeOf(bytes.toString('utf8', from, end))
    kept[slot] = { bytes: Buffer.from(bytes.subarray(from, end)), route }
    return route
  }
}

/** Reads the metadata of messages: `Routed`, or what is wrong with it. */
export const routing = (
  subscriptions: ReadonlyArray<Subscription>,
): ((bytes: Buffer, from: number, end: number) => Routed | string) => {
  const of = (kind: Subscription['kind']) =>
    router(
      subscriptions.flatMap((subscription, index) =>
        subscription.kind === kind ? [{ pattern: subscription.pattern, value: index }] : [],
      ),
    )
  const messages = of('message')
  const events = of('event')
  // n.b. wildcards are for those who listen; a message to one would reach whoever has the same text
  const routeOf = (pattern: string): Route =>
    isWildcard(pattern)
      ? { pattern, message: undefined, events: [] }
      : { pattern, message: messages(pattern)[0], events: events(pattern) }
  const byBytes = interned(routeOf, subscriptions.length)

  return (bytes, from, end) => {
    // The short way: `1 n pattern`, then `2 4 timeout`, and nothing else, with n below 128.
    const size = bytes[from + 1] ?? 0
    const next = from + 2 + size
    if (
      next + 6 === end &&
      bytes[from] === metaKey.pattern &&
      size > 0 &&
      size < 0x80 &&
      bytes[next] === metaKey.timeoutMs &&
      bytes[next + 1] === 4
    )
      return { route: byBytes(bytes, from + 2, next), timeoutMs: bytes.readUInt32BE(next + 2), meta: undefined }
    const meta = decodeMeta(bytes, from, end)
    if (typeof meta === 'string') return meta
    const pattern = meta.text(metaKey.pattern)
    if (pattern === undefined || pattern === '') return 'a message without a pattern'
    return { route: routeOf(pattern), timeoutMs: meta.number(metaKey.timeoutMs) ?? -1, meta }
  }
}

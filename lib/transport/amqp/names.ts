/** The names of exchanges and queues. Injective: see `broker/names.ts`. A name has at most 255 bytes. */
import { nameOf, within } from '../broker/names.js'

/** Leaves room for what a queue beside another one adds. */
const most = 230

/** Topic; durable. Events are published to it with their canonical pattern as the routing key. */
export const eventExchange = (prefix: string): string => `${prefix}taskwire.events`

/** Direct; durable. Requests are published to it with their canonical pattern as the routing key. */
export const requestExchange = (prefix: string): string => `${prefix}taskwire.requests`

/** Shared by all who handle the pattern. */
export const requestQueue = (prefix: string, pattern: string): string =>
  within(most, `${prefix}taskwire.request:${nameOf(pattern)}`)

/** Shared by the replicas of the service. */
export const eventQueue = (prefix: string, group: string, endpoint: string): string =>
  within(most, `${prefix}taskwire.event:${nameOf(group)}:${nameOf(endpoint)}`)

/** The dead letters of an event queue. */
export const deadQueue = (queue: string): string => `${queue}:dead`

/** How long a message stays in a retry queue, in milliseconds. */
export const tiers = [1_000, 10_000, 60_000, 600_000] as const
export type Tier = (typeof tiers)[number]

/** Where events of a queue wait for their next start. */
export const retryQueue = (queue: string, tier: Tier): string => `${queue}:retry-${String(tier / 1_000)}s`

/** The tier for a delay: the next longer one, and the longest for longer delays. */
export const tierOf = (delayMs: number): Tier => tiers.find((tier) => tier >= delayMs) ?? 600_000

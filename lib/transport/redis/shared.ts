/** What the parts of one connection share. */
import type { Deliver } from '../../core/delivery.js'
import type { Environment, Subscription } from '../transport.js'
import type { RedisContext } from './context.js'
import type { Lasting } from './lasting.js'
import type { Link, Links } from './link.js'
import type { Settings } from './options.js'

export interface Shared {
  readonly settings: Settings
  readonly env: Environment
  /** What Redis knows this replica by: two transports of one process are two. */
  readonly consumer: string
  readonly links: Links
  /** For everything that does not wait. */
  readonly commands: Link
  readonly lasting: Lasting
}

/** An endpoint that hears a stream. */
export interface Target {
  readonly subscription: Subscription
  /** Its place in the array given to `subscribe`. */
  readonly index: number
  /** Deliveries of it that are not settled, or whose settlement is not written yet. */
  outstanding: number
}

export type DeliverRedis = Deliver<RedisContext<string>>

/** When a delivery that the runtime has no room for is tried again, in milliseconds. */
export const overloadedMs = 100

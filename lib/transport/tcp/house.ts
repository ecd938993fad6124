/** What all connections of one server share. */
import type { Deliver } from '../../core/delivery.js'
import type { Environment, Subscription } from '../transport.js'
import type { TcpContext } from './context.js'
import type { Settings } from './options.js'
import type { Routed } from './route.js'
import type { Slabs } from './writer.js'

/** The messages that were accepted and are not settled. */
export interface Pending {
  /** Takes so many bytes in; false when the server holds as much as it may. */
  readonly enter: (bytes: number) => boolean
  readonly leave: (bytes: number) => void
}

export const pending = (maxCount: number, maxBytes: number): Pending => {
  let count = 0
  let total = 0
  return {
    enter: (bytes) => {
      if (count >= maxCount || total + bytes > maxBytes) return false
      count += 1
      total += bytes
      return true
    },
    leave: (bytes) => {
      count -= 1
      total -= bytes
    },
  }
}

/** What is being received: false where so many bytes more would be above `most`. Fewer bytes (negative) always fit. */
export const receiving = (most: number): ((bytes: number) => boolean) => {
  let total = 0
  return (bytes) => {
    if (bytes > 0 && total + bytes > most) return false
    total += bytes
    return true
  }
}

export interface House {
  readonly settings: Settings
  readonly environment: Environment
  readonly slabs: Slabs
  readonly time: () => number
  readonly subscriptions: ReadonlyArray<Subscription>
  readonly deliver: Deliver<TcpContext<string>>
  readonly route: (bytes: Buffer, from: number, end: number) => Routed | string
  readonly pending: Pending
  /** Room for frames that have begun, for all connections together. */
  readonly receiving: (bytes: number) => boolean
  readonly draining: () => boolean
  /** Events that were accepted and will not be handled, for the log at the end. */
  readonly lost: (endpoint: string) => void
}

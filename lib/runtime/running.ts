import type { IO } from 'fp-ts/lib/IO.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { Observable } from 'rxjs'
import type { Client } from '../client/client.js'
import type { Address, Status } from '../transport/transport.js'
import type { OutcomeReport } from './report.js'

/** How a stop went. */
export interface StopReport {
  /** Handlers that finished by themselves after the stop began. */
  readonly drained: number
  /** Handlers that finished after their signal was aborted. */
  readonly aborted: number
  /** Handlers, and accepted events that waited for one, that were given up. */
  readonly unsettled: number
  /** Accepted events that nobody will handle now: delayed retries that only this process held. */
  readonly lost: number
}

/**
 * `stuck`: every slot of an endpoint is held by a handler that ignores its aborted signal. `stalled`: the broker has not
 * taken acknowledgements, retries or dead letters for more than 5 s. `paused`: twenty defects in a row have paused an event
 * subscription.
 */
export type ServiceStatus = Status | 'stuck' | 'stalled' | 'paused'

/** What a health endpoint answers. */
export interface Health {
  /** Not stopping, and every transport is `ready`. */
  readonly ready: boolean
  readonly transports: Readonly<Record<string, ServiceStatus>>
}

/** A running service. */
export interface Running<N extends string = string> {
  /** Drains and stops: idempotent, and resolves with the report when no socket, timer or handle is left. Never rejects. */
  readonly stop: Task<StopReport>
  /** The client of each transport, sharing its connection; for code outside handlers. */
  readonly clients: { readonly [K in N]: Client }
  /** Where each transport listens, for those that have an address. */
  readonly addresses: Readonly<Record<string, Address>>
  /** The status of each transport, the current one first. */
  readonly status$: Observable<{ readonly name: N; readonly status: Status }>
  /** Every start of every endpoint, as it ends. Costs nothing while nobody subscribes. */
  readonly outcome$: Observable<OutcomeReport>
  readonly health: IO<Health>
}

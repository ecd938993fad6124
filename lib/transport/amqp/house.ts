/** What the consumers of a connection share. */
import type { Deliver } from '../../core/delivery.js'
import type { KeptOpen } from '../broker/keep-open.js'
import type { Environment } from '../transport.js'
import type { Calls } from './calls.js'
import type { AmqpContext } from './context.js'
import type { Intake } from './intake.js'
import type { Settings } from './options.js'
import type { Store } from './store.js'
import type { Wire } from './wire.js'

export interface House<N extends string> {
  readonly settings: Settings
  readonly env: Environment
  /** The connection that messages come by. */
  readonly link: KeptOpen<Wire>
  readonly store: Store
  readonly calls: Calls
  readonly deliver: Deliver<AmqpContext<N>>
}

/** One endpoint that is listened on. */
export interface Consumer {
  readonly intake: Intake
  /** Begins no delivery any more; resolves when none can come. Idempotent. */
  readonly stop: () => Promise<void>
  /** Forgets every timer. */
  readonly close: () => void
}

import type { Clock, Random } from '../core/clock.js'
import type { Deadlines } from '../core/deadlines.js'
import type { Runnable } from '../core/dispatch.js'
import type { Capabilities } from '../transport/transport.js'
import type { Budget } from './budget.js'
import type { Job } from './job.js'
import type { OutcomeReport, Reported } from './report.js'

/** What the workers of a runtime share. */
export interface Shared {
  /** The name of the service. */
  readonly group: string
  readonly clock: Clock
  readonly random: Random
  /** One line for the operator. */
  readonly log: (line: string) => void
  readonly budget: Budget
  /** Running handlers and their time limits. */
  readonly limits: Deadlines<Job>
  /** Reports a start; does nothing while nobody listens. */
  readonly report: (job: Job, runnable: Runnable, outcome: Reported, settlement: OutcomeReport['settlement']) => void
  readonly stopping: () => boolean
  /** Something ended: whoever waits for the end looks again. */
  readonly ended: () => void
}

/** What the transport of a worker can do. */
export interface Served {
  readonly capabilities: Capabilities
  readonly maxMessageBytes: number
}

/** What a case came to, as it is written down. */

/** What a fault is done to, and how a title calls it. */
export const subjects = { memory: 'memory', tcp: 'TCP', redis: 'Redis', amqp: 'RabbitMQ', kafka: 'Kafka' } as const

/** Points in a program's life at which it was killed. */
export interface Points {
  /** Those that it was killed at. */
  readonly points: number
  /** Those after which nothing was lost, and everything worked again. */
  readonly survived: number
  /** Those that no run came to. */
  readonly unreached: number
}

/** The contents of `.tmp/faults/<case>-<broker>.json`, or of `<case>-<broker>-<variant>.json`. */
export interface FaultResult extends Partial<Points> {
  readonly case: string
  readonly broker: keyof typeof subjects
  /** One sentence. */
  readonly guarantee: string
  /** Whether the case passed: the figures of one that failed are kept, too. */
  readonly passed: boolean
  /** Messages that were emitted, accepted by the broker, handled, and set aside: each counted once. */
  readonly messages: number
  readonly confirmed: number
  readonly handled: number
  readonly deadLettered: number
  /** Handled again: every time beyond the first. */
  readonly duplicates: number
  /** Confirmed, and neither handled nor set aside. */
  readonly lost: number
  /** Calls that were made, emits included, and those that did not settle by their deadline. */
  readonly calls: number
  readonly unsettledCalls: number
  /** What was done to it, in order. */
  readonly faults: ReadonlyArray<string>
  readonly seconds: number
  /** How much the memory of the process grew at most, in MiB. */
  readonly grownMiB: number
  /** What else was measured, each with its unit in its name. */
  readonly figures: Readonly<Record<string, number>>
}

/** What a transport can honestly do. The conformance kit asserts each flag, true or false. */
export interface Capabilities {
  /** Events wait while no consumer runs, and are delivered again after a crash. */
  readonly durable: boolean
  /** Each service that subscribes gets each event. */
  readonly fanOut: boolean
  /** Events reach one consumer in the order of their emits; where it is false, those of one key do. */
  readonly ordered: boolean
  /** Replicas of a service share its events through the transport itself. */
  readonly competing: boolean
  /** An event can be delivered again later without holding a slot. */
  readonly delayedRetry: boolean
  /** And while a message with a key waits so, no later message of its key is delivered. */
  readonly keyedRetry: boolean
  /** And it holds up nothing else meanwhile, but what shares its key. */
  readonly isolatedRetry: boolean
  /** There is a place for events that cannot be handled. */
  readonly deadLetter: boolean
  /** Event patterns may hold `*` and `#`. */
  readonly wildcards: boolean
  /** Cancelling a request reaches the handler's signal. */
  readonly cancel: boolean
  /** A request nobody can answer fails at once, with `NoHandler`. */
  readonly noHandler: boolean
  /** Attempts stay exact when the process dies. */
  readonly exactAttempts: boolean
  /** Replies of many values. */
  readonly streams: boolean
  /** Deliveries of many events. */
  readonly batches: boolean
}

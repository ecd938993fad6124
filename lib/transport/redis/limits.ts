/** Times and bounds of the Redis transport. */
import { problem, type Problem } from '../broker/problems.js'

/** Times are in milliseconds. Replicas of one service should agree on them. */
export interface RedisLimits {
  /** An event whose replica shows no sign of life for so long goes to another. Default 30,000. */
  readonly leaseMs: number
  /** How often a replica looks for such events, and trims what every group has acknowledged. Default 15,000. */
  readonly reclaimMs: number
  /** A replica that has died is taken for one that answers requests for so long. Default 10,000. */
  readonly presenceMs: number
  /** A connection on which nothing moves is asked for a sign of life so often, and given up after as long again. Default 5,000. */
  readonly heartbeatMs: number
  /** An event that was handed out so often without an end, because its process died each time, is a dead letter. Default 20. */
  readonly maxDeliveries: number
  /** Requests of a pattern that are kept while nobody reads them; older ones are dropped. Default 10,000. */
  readonly maxRequests: number
  /** A group that had no consumer for so long no longer keeps a stream from being trimmed. Default seven days. */
  readonly absentGroupMs: number
}

export const defaultLimits: RedisLimits = {
  leaseMs: 30_000,
  reclaimMs: 15_000,
  presenceMs: 10_000,
  heartbeatMs: 5_000,
  maxDeliveries: 20,
  maxRequests: 10_000,
  absentGroupMs: 7 * 24 * 60 * 60 * 1_000,
}

/** How long one read waits for something to come. Redis answers within this time, or the connection is silent. */
export const blockMs = 2_000
/** How often a replica asks whether a retry is due that another one has scheduled. */
export const pollMs = 1_000
/** A request is looked after when no reply came within this time. */
export const presenceAfterMs = 100

const least: RedisLimits = {
  leaseMs: 100,
  reclaimMs: 10,
  presenceMs: 100,
  heartbeatMs: 10,
  maxDeliveries: 1,
  maxRequests: 1,
  absentGroupMs: 0,
}

export const limitProblems = (limits: RedisLimits): ReadonlyArray<Problem> =>
  (Object.keys(defaultLimits) as ReadonlyArray<keyof RedisLimits>).flatMap((name) =>
    problem(
      `limits.${name}`,
      `a whole number from ${String(least[name])}`,
      !Number.isSafeInteger(limits[name]) || limits[name] < least[name],
    ),
  )

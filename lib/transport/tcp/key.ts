/** The keys of metadata entries. A peer refuses an unknown key below 64 and ignores one from 64 on. */
export const metaKey = {
  pattern: 1,
  timeoutMs: 2,
  messageId: 3,
  traceparent: 4,
  attempt: 5,
  codec: 6,
  orderingKey: 7,
  code: 8,
  retryAfterMs: 9,
  clientId: 32,
  token: 33,
  maxFrame: 34,
  serverId: 35,
  maxInFlight: 36,
  pingInterval: 37,
  idleTimeout: 38,
  status: 64,
  correlationId: 65,
  causationId: 66,
  tracestate: 67,
  baggage: 68,
  contentType: 69,
  source: 70,
  time: 71,
  header: 127,
} as const

/** The first key that a peer may ignore. */
export const firstIgnorable = 64

// n.b. an array for each of the 256 keys: it is read for every entry
const byKey = (entries: ReadonlyArray<readonly [number, number]>): ReadonlyArray<number | undefined> => {
  const known = new Map(entries)
  return Array.from({ length: 256 }, (_, key) => known.get(key))
}

/** Bytes of UTF-8 that the values of these keys may have. */
export const maxText: ReadonlyArray<number | undefined> = byKey([
  [metaKey.pattern, 255],
  [metaKey.messageId, 255],
  [metaKey.traceparent, 255],
  [metaKey.orderingKey, 1_024],
  [metaKey.clientId, 255],
  [metaKey.token, 7_168],
  [metaKey.serverId, 255],
  [metaKey.correlationId, 255],
  [metaKey.causationId, 255],
  [metaKey.tracestate, 8_192],
  [metaKey.baggage, 8_192],
  [metaKey.contentType, 255],
  [metaKey.source, 1_024],
  [metaKey.time, 64],
])

/** Bytes of the numbers among the values. */
export const numberBytes: ReadonlyArray<number | undefined> = byKey([
  [metaKey.timeoutMs, 4],
  [metaKey.attempt, 1],
  [metaKey.codec, 1],
  [metaKey.code, 2],
  [metaKey.retryAfterMs, 4],
  [metaKey.maxFrame, 4],
  [metaKey.maxInFlight, 4],
  [metaKey.pingInterval, 4],
  [metaKey.idleTimeout, 4],
  [metaKey.status, 1],
])

/** The load: a closed loop of `inFlight` callers, each of which sends its next request when the reply has come. */
import type { Call } from './contender.js'
import { type Payload, samples } from './payload.js'

export interface Load {
  readonly requests: number
  readonly seconds: number
  readonly p50Us: number
  readonly p99Us: number
  /** User and system time of this process, microseconds. */
  readonly cpuUs: number
}

export const cpuUs = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Calls until a reply comes, for at most `ms`: what reads through a broker may be ready to call before it hears replies. */
export const prime = async (call: Call, ms: number): Promise<void> => {
  const end = performance.now() + ms
  for (;;) {
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, 2_000, undefined))
    const reply = await Promise.race([call(samples[0]!), late])
    if (reply !== undefined) return
    if (performance.now() > end) throw new Error(`no reply within ${ms} ms`)
  }
}

/** Room for a million requests a second; what is beyond it counts as requests but not in the percentiles. */
const latencies = (ms: number): Float64Array => new Float64Array(Math.ceil(ms * 1000))

/** `clients` holds the calls of each connection, one for each endpoint. A caller stays on its connection, and goes through the endpoints. */
export const run = async (
  clients: ReadonlyArray<ReadonlyArray<Call>>,
  payloads: ReadonlyArray<Payload>,
  inFlight: number,
  ms: number,
): Promise<Load> => {
  const room = latencies(ms)
  let requests = 0
  let next = 0
  const cpuBefore = cpuUs()
  const start = performance.now()
  const end = start + ms

  const caller = async (calls: ReadonlyArray<Call>): Promise<void> => {
    let sent = performance.now()
    while (sent < end) {
      const turn = next++
      const payload = payloads[turn % payloads.length]!
      const reply = await calls[turn % calls.length]!(payload)
      const now = performance.now()
      if (reply.seq !== payload.seq) throw new Error('the reply belongs to another call')
      if (requests < room.length) room[requests] = now - sent
      requests += 1
      sent = now
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, at) => caller(clients[at % clients.length]!)))

  const seconds = (performance.now() - start) / 1000
  const used = cpuUs() - cpuBefore
  const sorted = room.subarray(0, Math.min(requests, room.length)).sort()
  const at = (share: number): number => (sorted[Math.floor(sorted.length * share)] ?? 0) * 1000
  return { requests, seconds, p50Us: at(0.5), p99Us: at(0.99), cpuUs: used }
}

/** What grows, and everything else stays as it is. */
import type { Requests } from '../shared/commands.js'

export type CurveName = 'endpoints' | 'connections' | 'payload' | 'inFlight'

export interface Point {
  /** How much there is of what grows. */
  readonly x: number
  readonly endpoints: number
  readonly load: Omit<Requests, 'ms'>
}

export interface Curve {
  readonly name: CurveName
  readonly title: string
  /** What `x` counts. */
  readonly unit: string
  readonly points: ReadonlyArray<Point>
}

const IN_FLIGHT = 64
/** On all connections together; at least one on each. */
const SPREAD = 512
/** Few: NestJS stops reading while it cannot write, and so two of it wait for each other for ever once megabytes are in flight. */
const OF_PAYLOADS = 4
/** The default limit of a body is 1 MiB. */
const LARGEST = 1_000_000

export const curves: ReadonlyArray<Curve> = [
  {
    name: 'endpoints',
    title: 'endpoints of a service',
    unit: 'endpoints',
    points: [1, 10, 100, 1_000, 10_000].map((x) => ({ x, endpoints: x, load: { inFlight: IN_FLIGHT } })),
  },
  {
    name: 'connections',
    title: 'connections',
    unit: 'connections',
    points: [1, 10, 100, 1_000].map((x) => ({
      x,
      endpoints: 1,
      load: { inFlight: Math.max(SPREAD, x), connections: x },
    })),
  },
  {
    name: 'payload',
    title: 'size of a payload',
    unit: 'bytes of JSON',
    points: [100, 1_024, 10_240, 102_400, LARGEST].map((x) => ({
      x,
      endpoints: 1,
      load: { inFlight: OF_PAYLOADS, bytes: x },
    })),
  },
  {
    name: 'inFlight',
    title: 'requests in flight',
    unit: 'requests in flight',
    points: [1, 10, 100, 1_000, 10_000].map((x) => ({ x, endpoints: 1, load: { inFlight: x } })),
  },
]

export const names = ['taskwire', 'nestjs', 'raw'] as const

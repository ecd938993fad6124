/** What the profile came to. */
import type { Sides } from '../shared/pair.js'
import type { Environment } from '../shared/report.js'
import type { Row, Spread } from '../shared/summary.js'
import { aligned, range } from '../shared/table.js'

/** Of one contender, of one request or one connection: bytes. */
export interface Weighed {
  readonly name: string
  readonly heap: Sides<Spread>
  /** Buffers outside of the heap. */
  readonly external: Sides<Spread>
  readonly rss: Sides<Spread>
  /** The heap of both sides. */
  readonly both: Spread
}

export interface Allocation {
  readonly name: string
  /** Of one request, bytes. */
  readonly bytes: Sides<number>
  readonly top: Sides<ReadonlyArray<{ readonly where: string; readonly bytes: number }>>
}

export interface ProfileReport extends Environment {
  readonly settings: {
    readonly rounds: number
    readonly cellMs: number
    /** Requests that wait for their answer, and the connections they are on. */
    readonly held: number
    readonly heldConnections: number
    readonly idleConnections: number
  }
  readonly rows: ReadonlyArray<Row>
  readonly allocations: ReadonlyArray<Allocation>
  readonly inFlight: ReadonlyArray<Weighed>
  readonly idle: ReadonlyArray<Weighed>
}

const cpu = (rows: ReadonlyArray<Row>): string =>
  aligned([
    ['CPU per request', 'contender', 'client', 'server', 'both', 'both : nestjs'],
    ...rows.map((row) => [
      ...[row.load, row.name, `${row.clientUs.toFixed(1)} us`, `${row.serverUs.toFixed(1)} us`],
      ...[`${row.cpuUs.toFixed(1)} us`, range(row.cpuAgainstNest)],
    ]),
  ])

const bytes = (value: Spread): string => `${value.median.toFixed(0)} (${value.min.toFixed(0)}-${value.max.toFixed(0)})`

const weights = (title: string, all: ReadonlyArray<Weighed>): string =>
  aligned([
    [title, 'client: heap', 'buffers', 'rss', 'server: heap', 'buffers', 'rss', 'heap of both'],
    ...all.map(({ name, heap, external, rss, both }) => [
      ...[name, bytes(heap.client), bytes(external.client), bytes(rss.client)],
      ...[bytes(heap.server), bytes(external.server), bytes(rss.server), bytes(both)],
    ]),
  ])

const allocations = (all: ReadonlyArray<Allocation>): string =>
  aligned([
    ['bytes allocated per request at 64 in flight', 'client', 'server'],
    ...all.map(({ name, bytes: { client, server } }) => [name, client.toFixed(0), server.toFixed(0)]),
  ])

const top = ({ name, top: sides }: Allocation): string =>
  (['client', 'server'] as const)
    .map(
      (side) =>
        `\n${name} ${side}: bytes allocated per request by function\n${sides[side].map(({ where, bytes: own }) => `${own.toFixed(0).padStart(7)}  ${where}`).join('\n')}`,
    )
    .join('\n')

export const profileText = (report: ProfileReport): string =>
  [
    cpu(report.rows),
    weights(`bytes per request in flight, of ${report.settings.held}`, report.inFlight),
    weights(`bytes per idle connection, of ${report.settings.idleConnections}`, report.idle),
    allocations(report.allocations),
    ...report.allocations.filter(({ name }) => name === 'taskwire').map(top),
  ].join('\n\n')

/** What a request and a connection cost each side. */
import type { Weighed } from '../profile/report.js'
import type { Reports } from '../results.js'
import { count, kilobytes, labelOf, table } from './figures.js'

const weights = (title: string, all: ReadonlyArray<Weighed>): string =>
  table(
    [title, 'heap: client', 'server', 'both', 'buffers: client', 'server', 'resident: client', 'server'],
    all.map(({ name, heap, external, rss, both }) => [
      labelOf(name),
      ...[heap.client, heap.server, both, external.client, external.server, rss.client, rss.server].map(({ median }) =>
        kilobytes(Math.max(0, median)),
      ),
    ]),
  )

export const memoryTables = ({ settings, inFlight, idle, allocations }: Reports['profile']): string =>
  [
    weights(`a request in flight, of ${count(settings.held)} on ${settings.heldConnections} connections`, inFlight),
    '',
    weights(`an idle connection, of ${count(settings.idleConnections)}`, idle),
    '',
    table(
      ['allocated per request, 64 in flight', 'client', 'server'],
      allocations.map(({ name, bytes }) => [labelOf(name), kilobytes(bytes.client), kilobytes(bytes.server)]),
    ),
  ].join('\n')

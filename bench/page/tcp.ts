/** The answer, and the comparison over TCP. */
import { bars, type BarPanel } from '../plot/bars.js'
import { shortened } from '../plot/scale.js'
import type { Reports } from '../results.js'
import type { Row } from '../shared/summary.js'
import { counts, image, labelOf, micros, ratio, ratios, table } from './figures.js'

type Tcp = Reports['tcp']

/** The load that is spoken of when one has to be. */
export const HEADLINE = '64 in flight'

export const rowOf = (rows: ReadonlyArray<Row>, load: string, name: string): Row | undefined =>
  rows.find((row) => row.load === load && row.name === name)

const peersOf = ({ rows }: Tcp): ReadonlyArray<string> =>
  ['nestjs', 'moleculer', 'grpc'].filter((peer) => rows.some((row) => row.name === peer))

const headline = (tcp: Tcp): string => {
  const row = rowOf(tcp.rows, HEADLINE, 'taskwire')
  if (row === undefined) return ''
  const [first = '', ...others] = peersOf(tcp).flatMap((peer) => {
    const median = row.rateAgainst[peer]?.median
    return median === undefined ? [] : [`**${ratio(median)} times** as many requests per second as ${labelOf(peer)}`]
  })
  const rest = others.map((text) => text.replace(' as many requests per second as', ' as many as'))
  const raw = row.rateAgainst['raw']
  return [
    `Over TCP, with 64 requests in flight on one connection and both sides validating, taskwire answers ${[first, ...rest].join(', ')}.`,
    row.p99AgainstNest === undefined || row.cpuAgainstNest === undefined
      ? ''
      : ` Its 99th percentile of latency is ${ratio(row.p99AgainstNest.median)} of NestJS', its CPU time per request ${ratio(row.cpuAgainstNest.median)} of it.`,
    raw === undefined
      ? ''
      : ` It reaches ${ratio(raw.median)} of what a socket loop written by hand for this one message does, with the same framing and batching and without timeouts, bounds, cancellation or validation.`,
  ].join('')
}

/** What the README says. */
export const summary = headline

export const answer = (tcp: Tcp): string =>
  [
    headline(tcp),
    '',
    image('tcp', 'Requests per second over TCP of taskwire and others, NestJS being 1'),
    '',
    table(
      [
        'requests/s of taskwire',
        ...[...peersOf(tcp), 'raw'].map((peer) => `: ${labelOf(peer)}`),
        'p99 : NestJS',
        'CPU : NestJS',
      ],
      tcp.settings.levels.flatMap((load) => {
        const row = rowOf(tcp.rows, load, 'taskwire')
        if (row === undefined) return []
        return [
          [
            load,
            ...[...peersOf(tcp), 'raw'].map((peer) => ratios(row.rateAgainst[peer])),
            ...[ratios(row.p99AgainstNest), ratios(row.cpuAgainstNest)],
          ],
        ]
      }),
    ),
  ].join('\n')

export const tcpPlot = ({ rows, settings }: Tcp): string =>
  bars({
    title: 'Requests over TCP: 200 bytes of JSON, echoed',
    axis: 'requests per second, NestJS = 1; bars are medians, lines go from the lowest to the highest round',
    columns: 2,
    panels: settings.levels.map((load): BarPanel => ({
      title: load,
      bars: rows
        .filter((row) => row.load === load)
        .flatMap((row) => {
          const value = row.rateAgainst['nestjs']
          const note = `${ratio(value?.median ?? NaN)} (${shortened(row.rate.median)}/s)`
          return value === undefined ? [] : [{ name: row.name, label: labelOf(row.name), value, note }]
        }),
    })),
  })

export const tcpTables = ({ rows, settings }: Tcp): string =>
  settings.levels
    .map((load) =>
      [
        `### ${load}`,
        '',
        table(
          ['', 'requests/s', ': NestJS', 'p50', 'p99', 'CPU, client', 'CPU, server', 'CPU : NestJS'],
          rows
            .filter((row) => row.load === load)
            .map((row) => [
              ...[labelOf(row.name), counts(row.rate), ratios(row.rateAgainst['nestjs']), micros(row.p50Us)],
              ...[micros(row.p99Us), micros(row.clientUs), micros(row.serverUs), ratios(row.cpuAgainstNest)],
            ]),
        ),
      ].join('\n'),
    )
    .join('\n\n')

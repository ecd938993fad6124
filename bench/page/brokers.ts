/** The comparison over Redis, RabbitMQ and Kafka. */
import { bars, type BarPanel } from '../plot/bars.js'
import { shortened } from '../plot/scale.js'
import type { Reports } from '../results.js'
import { count, image, labelOf, micros, ratio, ratios, table } from './figures.js'

type Broker = Reports['brokers'][number]

const titles: Readonly<Record<Broker['broker'], string>> = { redis: 'Redis', amqp: 'RabbitMQ', kafka: 'Kafka' }

/** `10000 events, at most 500 of them not yet accepted`. */
const short = (load: string): string => (load.includes('events') ? 'events' : load)

export const brokersPlot = (all: ReadonlyArray<Broker>): string =>
  bars({
    title: 'Requests and events through brokers',
    axis: 'requests or events per second, NestJS = 1; what is promised differs: see the table',
    columns: 3,
    panels: all.flatMap(({ broker, rows, settings }) =>
      settings.levels.map((load): BarPanel => ({
        title: `${titles[broker]}: ${short(load)}`,
        bars: rows
          .filter((row) => row.load === load)
          .flatMap((row) => {
            const value = row.rateAgainst['nestjs']
            const note = `${ratio(value?.median ?? NaN)} (${shortened(row.rate.median)}/s)`
            return value === undefined ? [] : [{ name: row.name, label: labelOf(row.name), value, note }]
          }),
      })),
    ),
  })

const section = ({ broker, rows, settings, guarantees, versions }: Broker): string =>
  [
    `### ${titles[broker]}`,
    '',
    `${titles[broker]} ${versions[broker] ?? ''}.`,
    ...settings.levels.flatMap((load) => [
      '',
      table(
        [load, 'per second', ': NestJS', ': by hand', 'p50', 'p99', 'CPU', 'CPU of the broker'],
        rows
          .filter((row) => row.load === load)
          .map((row) => [
            ...[
              labelOf(row.name),
              count(row.rate.median),
              ratios(row.rateAgainst['nestjs']),
              ratios(row.rateAgainst['raw']),
            ],
            ...[micros(row.p50Us), micros(row.p99Us), micros(row.cpuUs), micros(row.brokerUs)],
          ]),
      ),
    ]),
    '',
    [
      '| | what is promised of an event |',
      '| --- | --- |',
      ...Object.entries(guarantees).map(([name, text]) => `| ${labelOf(name)} | ${text} |`),
    ].join('\n'),
  ].join('\n')

export const brokerSections = (all: ReadonlyArray<Broker>): string =>
  [image('brokers', 'Requests and events per second through brokers, NestJS being 1'), ...all.map(section)].join('\n\n')

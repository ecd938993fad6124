/** What the comparison on one broker came to. */
import type { Kind } from '../../spec/brokers/software.js'
import { type Report, text } from '../shared/report.js'

export interface BrokerReport extends Report {
  readonly broker: Kind
  /** What each contender promises of an event. */
  readonly guarantees: Readonly<Record<string, string>>
}

export const brokerText = ({ broker, guarantees, ...report }: Omit<BrokerReport, 'measured'>): string =>
  [
    `\n== ${broker}\n${text(report)}`,
    ...(report.rows.some(({ load }) => load.includes('events'))
      ? [
          '\nevents are',
          ...[...new Set(report.rows.map((row) => row.name))].map((name) => `  ${name}: ${guarantees[name]}`),
        ]
      : []),
  ].join('\n')

/** What the benchmarks came to, part by part, as docs/performance/results.json records it. */
import type { BrokerReport } from './brokers/report.js'
import type { CurvesReport } from './curves/report.js'
import type { ProfileReport } from './profile/report.js'
import type { RulesReport } from './rules/report.js'
import type { Environment, Report } from './shared/report.js'
import type { Spread } from './shared/summary.js'

/** How long a value takes to be decoded or encoded; of `npm run bench:codecs`. */
export interface CodecRow {
  readonly payload: string
  readonly kind: string
  readonly operation: string
  readonly contender: string
  readonly ns: Spread
  /** Above 1 is faster. */
  readonly againstIoTs: Spread
  readonly againstAjv: Spread | null
}

export interface CodecsReport extends Environment {
  readonly rows: ReadonlyArray<CodecRow>
}

export interface Reports {
  readonly tcp: Omit<Report, 'measured'>
  readonly brokers: ReadonlyArray<Omit<BrokerReport, 'measured'>>
  readonly codecs: CodecsReport
  readonly curves: CurvesReport
  readonly profile: ProfileReport
  readonly rules: RulesReport
}

export type PartName = keyof Reports

export interface Recorded<R> {
  /** The day it was measured, and the commit; with a `+` where files had changed since. */
  readonly date: string
  readonly commit: string
  readonly seconds: number
  readonly report: R
}

/** Of the parts that have been measured. */
export type Results = { readonly [P in PartName]?: Recorded<Reports[P]> }

/** JSON has no NaN, which stands for what could not be measured; what a contender does not do is `null` and stays it. */
export const parsed = (text: string): unknown =>
  JSON.parse(text, (key, value: unknown) => (value === null && key !== 'againstAjv' ? NaN : value))

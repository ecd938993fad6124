/** The page, its pictures and what the README says, from recorded results alone. */
import { rewritten } from '../../spec/reliability/page.js'
import type { Results } from '../results.js'
import { brokerSections, brokersPlot } from './brokers.js'
import { codecsPlot, codecTables } from './codecs.js'
import { conditions } from './conditions.js'
import { curveFile, curvePlot, curveSections } from './curves.js'
import { goalTable } from './goals.js'
import { memoryTables } from './memory.js'
import { ruleTables } from './rules.js'
import { answer, summary, tcpPlot, tcpTables } from './tcp.js'

const MISSING = 'Not measured yet.'

const of = <A>(part: { readonly report: A } | undefined, render: (report: A) => string): string =>
  part === undefined ? MISSING : render(part.report)

/** What stands between the marks of docs/performance.md. The prose around them is written by hand. */
export const renderPage = (page: string, results: Results): string =>
  rewritten(page, {
    answer: of(results.tcp, answer),
    conditions: conditions(results),
    goals: goalTable(results),
    rules: of(results.rules, ruleTables),
    tcp: of(results.tcp, tcpTables),
    curves: of(results.curves, curveSections),
    memory: of(results.profile, memoryTables),
    brokers: of(results.brokers, brokerSections),
    codecs: of(results.codecs, codecTables),
  })

export const renderReadme = (readme: string, results: Results): string =>
  rewritten(readme, { performance: of(results.tcp, summary) })

/** By their names in docs/performance, without `.svg`. */
export const renderPictures = ({ tcp, brokers, codecs, curves }: Results): ReadonlyMap<string, string> =>
  new Map([
    ...(tcp === undefined ? [] : [['tcp', tcpPlot(tcp.report)] as const]),
    ...(brokers === undefined ? [] : [['brokers', brokersPlot(brokers.report)] as const]),
    ...(codecs === undefined ? [] : [['codecs', codecsPlot(codecs.report)] as const]),
    ...(curves === undefined ? [] : curves.report.curves.map((one) => [curveFile(one), curvePlot(one)] as const)),
  ])

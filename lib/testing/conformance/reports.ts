import type { OutcomeReport } from '../../runtime/report.js'
import type { Running } from '../../runtime/running.js'

/** Everything that a service reports from now on. */
export const reports = ({ outcome$ }: Running): ReadonlyArray<OutcomeReport> => {
  const seen: Array<OutcomeReport> = []
  outcome$.subscribe((report) => seen.push(report))
  return seen
}

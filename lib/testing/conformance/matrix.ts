import type { Task } from 'fp-ts/lib/Task.js'
import type { Case } from './case.js'

/** How one case ended. */
export interface Row extends Pick<Case, 'id' | 'title' | 'support'> {
  /** What was broken; `undefined` where everything holds. */
  readonly broken: string | undefined
}

/** Runs cases one after another and never rejects: the row of each says how it ended. */
export const conformanceMatrix =
  (cases: ReadonlyArray<Case>): Task<ReadonlyArray<Row>> =>
  async () => {
    const rows: Array<Row> = []
    for (const { id, title, support, run } of cases) {
      const broken = await run().then(
        () => undefined,
        (cause: unknown) => (cause as Partial<Error> | undefined)?.message ?? String(cause),
      )
      rows.push({ id, title, support, broken })
    }
    return rows
  }

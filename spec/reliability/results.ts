/** What the fault suite and the soak have left behind in `.tmp`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FaultResult } from '../faults/result.js'
import type { SoakResult } from '../soak/result.js'

export interface Results {
  readonly faults: ReadonlyArray<FaultResult>
  readonly soaks: ReadonlyArray<SoakResult>
}

const filesOf = <A>(folder: string): ReadonlyArray<A> =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .sort()
        .map((name) => JSON.parse(readFileSync(`${folder}${name}`, 'utf8')) as A)
    : []

/** All of them. */
export const results = (root = fileURLToPath(new URL('../../.tmp/', import.meta.url))): Results => ({
  faults: filesOf(`${root}faults/`),
  soaks: filesOf(`${root}soak/`),
})

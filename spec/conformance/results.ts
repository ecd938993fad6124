/** What the cases of each transport came to in the last run, for docs/conformance.md. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Case } from 'taskwire/testing'

/** How one case ended. */
export interface Result extends Pick<Case, 'id' | 'title' | 'support'> {
  readonly passed: boolean
}

const folder = fileURLToPath(new URL('../../.tmp/conformance/', import.meta.url))
const file = (subject: string): string => `${folder}${subject}.json`

/** Keeps the results of a subject whose cases all ran. */
export const record = (subject: string, results: ReadonlyArray<Result>): void => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(file(subject), JSON.stringify(results))
}

/** The results of a subject; `undefined` where its cases have not run here. */
export const recorded = (subject: string): ReadonlyArray<Result> | undefined =>
  existsSync(file(subject)) ? (JSON.parse(readFileSync(file(subject), 'utf8')) as ReadonlyArray<Result>) : undefined

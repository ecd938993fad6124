/** What was wrong with a record, in words. */
import type { Issue } from 'taskwire'

const place = ({ path, expected }: Issue): string => `${path === '' ? 'the record' : path} should be ${expected}`

export const places = (issues: ReadonlyArray<Issue>): string => issues.map(place).join(', ')

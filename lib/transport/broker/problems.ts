/** Options out of their range. */
import type { ConnectError } from '../../core/error.js'
import type { Transport } from '../transport.js'
import { transportFailed } from './failing.js'

export type Problem = Transport['problems'][number]

/** A problem, where there is one. */
export const problem = (option: string, expected: string, wrong: boolean): ReadonlyArray<Problem> =>
  wrong ? [{ option, expected }] : []

/** What is wrong with the options that all brokers share. */
export const sharedProblems = (name: unknown, prefix: unknown): ReadonlyArray<Problem> => [
  ...problem('name', 'text that is not empty', typeof name !== 'string' || name === ''),
  ...problem(
    'prefix',
    'at most 60 letters, digits, "." and "-"',
    typeof prefix !== 'string' || !/^[A-Za-z0-9.-]{0,60}$/.test(prefix),
  ),
]

/** All of them, as a client is told. */
export const refused = (name: string, problems: ReadonlyArray<Problem>): ConnectError =>
  transportFailed(name, problems.map(({ option, expected }) => `${option} must be ${expected}`).join('; '))

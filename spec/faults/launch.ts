/** Programs that print `ready` when they are. */
import { fileURLToPath } from 'node:url'
import { start, type Child } from '../brokers/child.js'
import { until } from './waiting.js'

export interface LaunchOptions {
  /** Options of Node. */
  readonly node?: ReadonlyArray<string>
  /** Milliseconds until it has to be ready. Default 60,000. */
  readonly withinMs?: number
}

/** Starts a program with what it is given, as JSON; resolves when it is ready, or when a signal has ended it before. */
export const launch = async (
  program: URL,
  given: { readonly by: string },
  { node = [], withinMs }: LaunchOptions = {},
): Promise<Child> => {
  const child = start({
    file: process.execPath,
    args: [...node, '--import', 'tsx', fileURLToPath(program), JSON.stringify(given)],
  })
  const ready = (): boolean => child.output().includes('ready')
  const state = (): string => `${given.by} is ready: ${child.output()}`
  try {
    await until(state, () => ready() || !child.running(), withinMs)
  } catch (error) {
    child.signal('SIGKILL')
    throw error
  }
  // n.b. a process that a signal has ended has no exit code
  if (!ready() && (await child.ended) !== null) throw new Error(state())
  return child
}

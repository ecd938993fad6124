/** A benchmark that ends, however it ends, takes its processes with it. */
import { killAll } from './process.js'

export const exitWithChildren = (): void => {
  process.once('exit', killAll)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))
}

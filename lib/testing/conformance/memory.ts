import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes that this process really holds: heap and buffers, after a collection of garbage. */
export const retained = (): number => {
  // n.b. the flag is only for the function that the new context gets, and is taken back
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

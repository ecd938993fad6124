/** The memory of this process, once it has been cleaned up: it has to run with --expose-gc. */

export interface Memory {
  /** What lives on the heap, bytes. */
  readonly heap: number
  /** Buffers outside of it. */
  readonly external: number
  readonly rss: number
}

const CLEANINGS = 4
const PAUSE_MS = 50

export const memory = async (): Promise<Memory> => {
  if (globalThis.gc === undefined) throw new Error('memory is measured with --expose-gc')
  // What one cleaning finalizes, another takes away.
  for (let time = 0; time < CLEANINGS; time += 1) {
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed, external, rss }
}

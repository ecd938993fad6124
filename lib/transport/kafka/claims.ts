/**
 * Positions that are told to the broker before the requests in front of them run. One commit is under way at a time; what
 * is claimed meanwhile, or in the same turn of the loop, goes together.
 */
import type { Commit } from './commits.js'

export interface Claims {
  /** Resolves when the position is committed; rejects when it may not be. */
  readonly claim: (topic: string, partition: number, next: number, commit: Commit) => Promise<void>
  /** Rejects what has not been sent: the next member may not have its partition. */
  readonly drop: () => void
  /** Resolves when nothing is under way. */
  readonly idle: () => Promise<void>
}

interface Claim {
  readonly topic: string
  readonly partition: number
  readonly next: number
  readonly commit: Commit
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

export const claims = (): Claims => {
  let gathered: ReadonlyArray<Claim> = []
  let running: Promise<void> | undefined

  const commitAll = async (): Promise<void> => {
    while (gathered.length > 0) {
      await new Promise((resolve) => setImmediate(resolve))
      const all = gathered
      gathered = []
      const topics = [...new Set(all.map(({ topic }) => topic))].map((topic) => ({
        topic,
        partitions: all
          .filter((one) => one.topic === topic)
          .map(({ partition, next }) => ({ partition, offset: String(next) })),
      }))
      try {
        await all.at(-1)?.commit({ topics })
        for (const { resolve } of all) resolve()
      } catch (cause) {
        for (const { reject } of all) reject(cause)
      }
    }
    running = undefined
  }
  return {
    claim: (topic, partition, next, commit) =>
      new Promise((resolve, reject) => {
        gathered = [...gathered, { topic, partition, next, commit, resolve, reject }]
        running ??= commitAll()
      }),
    drop: () => {
      const all = gathered
      gathered = []
      for (const { reject } of all) reject(new Error('the member joins again'))
    },
    idle: () => running ?? Promise.resolve(),
  }
}

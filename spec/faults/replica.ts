/**
 * A replica as a process: `replica.ts <options as JSON>`. It prints `ready` when it listens, appends a line to its log
 * when a handler starts and when it has ended, and stops in order at SIGTERM.
 */
import { openSync, writeSync } from 'node:fs'
import { runMain } from 'taskwire'
import type { Line } from './page.js'
import { transport, type Site } from './transports.js'
import { worker } from './worker.js'

export interface ReplicaOptions {
  /** Who handled something, in the history. */
  readonly by: string
  /** Milliseconds that a handler takes; -1: for ever. Default 0. */
  readonly handlerMs?: number
  /** Every handler kills its process. */
  readonly deadly?: boolean
  /** Handlers at once. Default 8. */
  readonly concurrency?: number
  /** Milliseconds that handlers have to end in an orderly stop. Default: that of the library. */
  readonly drainTimeout?: number
}

/** All that the program is told. */
export type Given = ReplicaOptions & { readonly site: Site; readonly log: string }

const { site, log, by, handlerMs = 0, deadly, concurrency, drainTimeout } = JSON.parse(process.argv[2] ?? '{}') as Given
// n.b. one write for each line, to a file that is opened for appending: what was written outlives a SIGKILL
const file = openSync(log, 'a')
const write = (line: Line): void => void writeSync(file, `${JSON.stringify(line)}\n`)

const service = worker(
  (id, { attempt }) =>
    async () => {
      write({ what: 'started', id, by, attempt, at: Date.now() })
      if (deadly) process.kill(process.pid, 'SIGKILL')
      if (handlerMs !== 0) await new Promise((resolve) => handlerMs > 0 && setTimeout(resolve, handlerMs))
      write({ what: 'handled', id, by })
      return { _tag: 'Right', right: undefined }
    },
  concurrency === undefined ? {} : { concurrency },
).transport(transport(site))

await runMain(service, {
  ...(drainTimeout === undefined ? {} : { drainTimeout }),
  started: () => void process.stdout.write('ready\n'),
})

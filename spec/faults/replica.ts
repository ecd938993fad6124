/**
 * A replica as a process: `replica.ts <options as JSON>`. It prints `ready` when it listens, appends a line to its log
 * when a handler starts and when it has ended, and stops in order at SIGTERM. Then it notes the report of its stop,
 * and how much its memory has grown at most. From SIGUSR2 on its handlers take no time.
 */
import { openSync, writeSync } from 'node:fs'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { runMain, type Context, type DedupeStore, type Running } from 'taskwire'
import { redisDedupe } from 'taskwire/redis'
import type { Line } from './page.js'
import { transport, type Site } from './transports.js'
import { worker } from './worker.js'

export interface ReplicaOptions {
  /** Who handled something, in the history. */
  readonly by: string
  /** Milliseconds that a handler takes; -1: for ever. Default 0. */
  readonly handlerMs?: number
  /** A handler ends when its signal is aborted. Default false: it takes no notice. */
  readonly heeds?: boolean
  /** When a handler kills its process: as it starts, once its work is done, or once the dedupe store knows that. Default never. */
  readonly dies?: 'started' | 'done' | 'remembered'
  /** The one number that it dies of. Default: each. */
  readonly diesOf?: number
  /** Milliseconds for which the first handler keeps the event loop to itself. Default 0. */
  readonly blocksMs?: number
  /** Milliseconds after which a handler is told to end. Default: that of the library. */
  readonly timeoutMs?: number
  /** Handlers at once. Default 8. */
  readonly concurrency?: number
  /** The Redis with the dedupe store that replicas share. Default none. */
  readonly dedupe?: string
  /** Milliseconds that handlers have to end in an orderly stop, and then after they were told. Default: those of the library. */
  readonly drainTimeout?: number
  readonly abortGrace?: number
}

/** All that the program is told. */
export type Given = ReplicaOptions & { readonly site: Site; readonly log: string }

const given = JSON.parse(process.argv[2] ?? '{}') as Given
const { site, log, by, heeds = false, concurrency, dedupe, drainTimeout, abortGrace } = given
// n.b. one write for each line, to a file that is opened for appending: what was written outlives a SIGKILL
const file = openSync(log, 'a')
const write = (line: Line): void => void writeSync(file, `${JSON.stringify(line)}\n`)
const note = (text: string): void => write({ what: 'noted', by, note: text })

const mortal = (when: ReplicaOptions['dies'], id = given.diesOf): void => {
  if (when === given.dies && id === (given.diesOf ?? id)) process.kill(process.pid, 'SIGKILL')
}

let blocksMs = given.blocksMs ?? 0
const block = (): void => {
  const end = performance.now() + blocksMs
  blocksMs = 0
  while (performance.now() < end);
}

let handlerMs = given.handlerMs ?? 0
process.on('SIGUSR2', () => void (handlerMs = 0))

const takeTime = ({ signal }: Context): Promise<void> =>
  new Promise((resolve) => {
    if (handlerMs === 0) resolve()
    if (handlerMs > 0) setTimeout(resolve, handlerMs)
    signal.addEventListener('abort', () => {
      note(`aborted: ${String(signal.reason)}`)
      if (heeds) resolve()
    })
  })

const store = dedupe === undefined ? undefined : redisDedupe({ url: dedupe, prefix: site.prefix })
const forgetful = (known: DedupeStore): DedupeStore => ({
  ...known,
  complete: (...what) =>
    pipe(
      known.complete(...what),
      TE.map(() => mortal('remembered')),
    ),
})

const service = worker(
  (id, context) => async () => {
    write({ what: 'started', id, by, attempt: context.attempt, at: Date.now() })
    mortal('started', id)
    block()
    await takeTime(context)
    write({ what: 'handled', id, by })
    mortal('done', id)
    return { _tag: 'Right', right: undefined }
  },
  {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(given.timeoutMs === undefined ? {} : { policy: { timeout: given.timeoutMs } }),
    ...(store === undefined ? {} : { dedupe: forgetful(store) }),
    asked: (id, context) => async () => {
      await takeTime(context)
      write({ what: 'answered', id, by })
      mortal('done', id)
    },
  },
).transport(transport(site))

const mebi = 1_048_576
const resident = (): number => process.memoryUsage.rss() / mebi
let first = 0
let most = 0
const look = (): void => void (most = Math.max(most, resident()))

process.once('SIGTERM', () => note('SIGTERM'))
let running: Running | undefined
await runMain(service, {
  close: store === undefined ? [] : [store],
  ...(drainTimeout === undefined ? {} : { drainTimeout }),
  ...(abortGrace === undefined ? {} : { abortGrace }),
  started: (live) => {
    running = live
    first = resident()
    setInterval(look, 20).unref()
    process.stdout.write('ready\n')
  },
})
note(`stopped: ${JSON.stringify(await running?.stop())}`)
look()
note(`grown by MiB: ${Math.round(most - first)}`)

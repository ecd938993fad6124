/** Who takes part in a case: replicas in this process and in others, and callers. All of them are gone after the test. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  createClient,
  listen,
  type Client,
  type ClientOptions,
  type ListenOptions,
  type Running,
  type StartError,
} from 'taskwire'
import { onTestFinished } from 'vitest'
import type { Child } from '../brokers/child.js'
import type { Trial } from './fault.js'
import { launch } from './launch.js'
import type { Given, ReplicaOptions } from './replica.js'
import { transport, type Site } from './transports.js'
import { worker, type Work, type WorkerOptions } from './worker.js'

/** Who takes part. */
export interface Cast {
  readonly site: Site
  /** A replica in this process; by default its handler writes down that it has handled the number. */
  readonly serve: (options?: ServeOptions) => Promise<Running>
  /** The same where it may not come to listening. */
  readonly attempt: (options?: ServeOptions) => Promise<Either<StartError, Running>>
  readonly call: (site?: Site, options?: ClientOptions) => Client
  /** A replica as a process; resolves when it listens, or when a signal has ended it before. */
  readonly spawn: (options: ReplicaOptions) => Promise<Child>
  /** Takes over what processes have written down. */
  readonly pull: () => void
}

export interface ServeOptions extends ListenOptions, WorkerOptions {
  readonly work?: Work
  readonly site?: Site
  /** Who handled something, in the history. */
  readonly by?: string
}

/** The broker's part of this case is at `url`; names on it are its own. */
export const cast = ({ page }: Trial, kind: Site['kind'], url: string, more: Partial<Site> = {}): Cast => {
  const own: Site = { kind, url, prefix: `f${randomBytes(6).toString('hex')}.`, ...more }
  const folder = mkdtempSync(join(tmpdir(), 'taskwire-faults-'))
  const log = join(folder, 'log')
  const pull = (): void => page.follow(log)
  // n.b. what ends first was begun last
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const attempt: Cast['attempt'] = async ({ work, site = own, by = 'here', ...options } = {}) => {
    const handle: Work = work ?? ((id) => TE.fromIO(() => page.handled(id, by)))
    const definition = worker(handle, options).transport(transport(site))
    const hurry = { log: false, drainTimeout: 2_000, abortGrace: 200, startTimeout: 60_000 } as const
    const started = await listen(definition, { ...hurry, ...options })()
    if (E.isRight(started))
      onTestFinished(async () => {
        await started.right.stop()
      })
    return started
  }
  return {
    site: own,
    pull,
    attempt,
    serve: async (options) => {
      const started = await attempt(options)
      if (E.isLeft(started)) throw new Error(JSON.stringify(started.left))
      return started.right
    },
    call: (site = own, options = {}) => {
      const client = createClient(transport(site), { name: 'caller', log: () => undefined, ...options })
      onTestFinished(() => client.close())
      return client
    },
    spawn: async (options) => {
      const given: Given = { ...options, site: own, log }
      const child = await launch(new URL('replica.ts', import.meta.url), given)
      onTestFinished(async () => {
        child.signal('SIGKILL')
        await child.ended
      })
      return child
    },
  }
}

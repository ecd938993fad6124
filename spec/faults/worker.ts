/** The service of the suite: it handles the numbers it is sent, and answers requests with their payload. */
import { createMicroservice, type Context, type ServiceOptions } from 'taskwire'
import * as T from 'fp-ts/lib/Task.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { patterns } from './load.js'

/** The name of the service, and so of its group. */
export const group = 'faults'

/** What a handler of events does with a number. */
export type Work = (id: number, context: Context) => TaskEither<unknown, void>

export interface WorkerOptions {
  /** Handlers at once. Default 8. */
  readonly concurrency?: number
  /** Those of the service. */
  readonly policy?: Omit<ServiceOptions, 'concurrency' | 'dedupe'>
  /** Default none. */
  readonly dedupe?: ServiceOptions['dedupe']
  /** Comes before a request is answered with its payload. */
  readonly asked?: (n: number, context: Context) => Task<void>
}

/** The definition, without a transport. */
export const worker = (
  work: Work,
  { concurrency = 8, policy, dedupe = false, asked = () => T.of(undefined) }: WorkerOptions = {},
) =>
  createMicroservice(group, { ...policy, concurrency, dedupe })
    .onEvent(patterns.event, t.number, work)
    .onMessage(patterns.request, t.number, (n, context) => TE.fromTask(T.map(() => n)(asked(n, context))), {
      reply: t.number,
    })

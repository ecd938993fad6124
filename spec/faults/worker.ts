/** The service of the suite: it handles the numbers it is sent, and answers requests with their payload. */
import { createMicroservice, type Context } from 'taskwire'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { patterns } from './load.js'

/** The name of the service, and so of its group. */
export const group = 'faults'

/** What a handler of events does with a number. */
export type Work = (id: number, context: Context) => TaskEither<unknown, void>

/** The definition, without a transport. */
export const worker = (work: Work, concurrency = 8) =>
  createMicroservice(group, { concurrency })
    .onEvent(patterns.event, t.number, work)
    .onMessage(patterns.request, t.number, (n) => TE.right(n), { reply: t.number })

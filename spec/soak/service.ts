/** The service that is soaked: what becomes of an event is told by its number, in every process. */
import * as E from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { delays, type Context } from 'taskwire'
import { pause } from '../faults/waiting.js'
import { worker } from '../faults/worker.js'

type Fate = 'done' | 'slow' | 'failsTwice' | 'throwsTwice' | 'refused' | 'exhausted' | 'broken'

/** Of 1,000 in a row: 20 are slow, 4 fail twice and 4 throw twice, 10 are refused for good, 1 uses up its attempts, and 1 throws each time. */
const fateOf = (id: number): Fate => {
  if (id % 50 === 13) return 'slow'
  if (id % 100 === 61) return 'refused'
  if (id % 250 === 29) return 'failsTwice'
  if (id % 250 === 147) return 'throwsTwice'
  if (id % 1_000 === 77) return 'exhausted'
  if (id % 1_000 === 583) return 'broken'
  return 'done'
}

/** Whether it becomes a dead letter; every other event is handled at last. */
export const diesAway = (id: number): boolean => ['refused', 'exhausted', 'broken'].includes(fateOf(id))

type Failure = 'retryable' | 'permanent'

/** Does what the fate of a number says, and calls `handled` before it is `Right`. */
const handle =
  (handled: (id: number) => void) =>
  (id: number, { attempt }: Context): TaskEither<Failure, void> =>
  async () => {
    switch (fateOf(id)) {
      case 'slow':
        await pause(300)
        break
      case 'failsTwice':
        if (attempt <= 2) return E.left('retryable')
        break
      case 'throwsTwice':
        if (attempt <= 2) throw new Error('not yet')
        break
      case 'refused':
        return E.left('permanent')
      case 'exhausted':
        return E.left('retryable')
      case 'broken':
        throw new Error('never')
      case 'done':
    }
    handled(id)
    return E.right(undefined)
  }

/** Every fifth request takes a while. */
const answer =
  (answered: (n: number) => void) =>
  (n: number): Task<void> =>
  async () => {
    answered(n)
    if (n % 5 === 0) await pause(200)
  }

/** The service that is soaked. It tells what it has handled, and which requests it has run. */
export const service = (handled: (id: number) => void, answered: (n: number) => void) =>
  worker(handle(handled), {
    concurrency: 16,
    asked: answer(answered),
    policy: {
      // Four attempts: the first delay is waited for in the process by every transport, the others at the broker where it can.
      retry: delays(200, 1_000, 1_000),
      classify: (failure) => (failure === 'retryable' ? 'retryable' : 'permanent'),
    },
  })

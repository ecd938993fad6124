/** Requests of a client, and the replies that come back to it. */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { freshId } from '../../core/clock.js'
import type { ConnectError } from '../../core/error.js'
import { deadlineWriter } from '../broker/deadline.js'
import { failing } from '../broker/failing.js'
import type { KeptOpen } from '../broker/keep-open.js'
import { answerOf } from '../broker/reply.js'
import type { Answer, Cancel, Environment, Outgoing } from '../transport.js'
import { writeRequest } from '../broker/addressed.js'
import type { Link } from './link.js'
import type { Names } from './names.js'
import type { Settings } from './options.js'
import { callFailure, type Posting } from './posting.js'
import { fieldsOfMessages, recordOf } from './record.js'
import { replies, type ReplyPath } from './replies.js'
import type { Driver } from './station.js'
import type { Topics, Wanted } from './topics.js'

export interface Asking {
  readonly request: (message: Outgoing, answer: (answer: Answer) => void) => Cancel
  /** Opens the way of replies, and says how its first attempt ends. */
  readonly warm: TaskEither<ConnectError, void>
  readonly close: () => Promise<void>
}

/** The topic of replies, which every service and every client under a prefix shares: none is of use for longer than that. */
export const repliesWanted = (names: Names): Wanted => ({ topic: names.replies, retentionMs: 600_000 })

export const asking = (
  driver: Driver,
  settings: Settings,
  names: Names,
  environment: Environment,
  way: KeptOpen<Link>,
  known: Topics,
  { post }: Posting,
): Asking => {
  const { clock, random } = environment
  const { name } = settings
  const deadline = deadlineWriter(clock)
  const waiting = new Map<string, (answer: Answer) => void>()
  const fields = fieldsOfMessages(environment)
  let path: ReturnType<typeof replies> | undefined

  const partitions = async (): Promise<E.Either<ConnectError, number>> => {
    const opened = await way.opened()
    if (E.isLeft(opened)) return opened
    const { admin } = opened.right
    const ensured = await known.ensure(admin, [repliesWanted(names)])
    if (E.isLeft(ensured)) return ensured
    const found = await known.find(admin, names.replies, false)
    return E.isLeft(found) ? found : E.right(found.right ?? 1)
  }
  // n.b. lazily: a client that only emits never joins a group
  const open = (): ReturnType<typeof replies> =>
    (path ??= replies({
      driver,
      settings,
      names,
      environment,
      way,
      partitions,
      heard: (call, fields, body) => {
        const answer = waiting.get(call)
        answer?.(answerOf(name, fields, body))
      },
    }))
  // n.b. a topic that is missing may be there the next time
  const again = (kept: KeptOpen<ReplyPath>): void => {
    if (path?.kept === kept) path = undefined
  }

  return {
    request: (message, answer) => {
      const call = freshId(random)
      const startedAt = clock.now()
      const end = (given: Answer): void => {
        waiting.delete(call)
        deadline.heard(given, message.timeoutMs, startedAt)
        answer(given)
      }
      const ask = ({ address }: ReplyPath): void => {
        waiting.set(call, end)
        const sent = post(
          {
            topic: names.requests(message.pattern),
            create: false,
            acks: -1,
            once: true,
            missing: () => failing({ _tag: 'NoHandler', pattern: message.pattern }),
          },
          () => {
            const headers = fields(message)
            writeRequest(headers, call, address, message.timeoutMs - (clock.now() - startedAt), deadline)
            return recordOf(message, headers)
          },
          (failed) => {
            if (failed !== undefined) end(failed)
          },
        )
        cancel = () => {
          waiting.delete(call)
          return sent()
        }
      }
      let cancel: Cancel = () => {
        stop()
        return 'no'
      }
      const { kept } = open()
      const stop = kept.whenOpen(ask, (error) => {
        again(kept)
        end(failing(callFailure(name, error)))
      })
      return () => cancel()
    },
    warm: async () => {
      const { kept } = open()
      const opened = await kept.attempt()
      if (E.isRight(opened)) return E.right(undefined)
      if (opened.left._tag === 'TopicMissing') again(kept)
      return opened
    },
    close: async () => {
      await path?.close()
    },
  }
}

/** The dead letters of a service: a topic for each pattern, whose head is what a group of the same name has committed. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { KafkaMessage } from 'kafkajs'
import type { ConnectError } from '../../core/error.js'
import type { DeadLetter } from '../../core/letter.js'
import { render } from '../../core/render.js'
import { reasonOf, transportFailed } from '../broker/failing.js'
import type { KeptOpen } from '../broker/keep-open.js'
import { readLetter } from '../broker/letter.js'
import type { Environment, LetterSource, LetterStore } from '../transport.js'
import { connectError } from './failures.js'
import type { Link } from './link.js'
import type { Names } from './names.js'
import type { Settings } from './options.js'
import type { Record } from './outbox.js'
import type { Posting } from './posting.js'
import { reader } from './reader.js'
import { bodyOf, described, fieldsOf, keyOf } from './record.js'
import { originOf, redriveRecord, sameRecord } from './retry.js'
import { settled, waits } from './settled.js'
import type { Driver } from './station.js'
import { sweep, walk, type Walk } from './sweeping.js'
import type { Topics } from './topics.js'

/** Where letters of a pattern lie, and where they go back to. */
interface Place {
  readonly topic: string
  readonly retries: string
  readonly pattern: string
  /** That listens on the pattern: of what another program has put here. */
  readonly endpoint: string
}

/** How long a write, and deleting what nobody asks for, may take, in milliseconds. */
const writeMs = 30_000
const eraseMs = 5_000
/** What it takes a service to notice that a topic was made again, in milliseconds: a few fetches. */
const madeMs = 2_000

export const letters = (
  driver: Driver,
  settings: Settings,
  names: Names,
  environment: Environment,
  way: KeptOpen<Link>,
  known: Topics,
  { post }: Posting,
): {
  readonly stores: (sources: ReadonlyArray<LetterSource>) => ReadonlyArray<LetterStore>
  /** Whatever is under way ends with a Left. */
  readonly close: () => void
} => {
  const { clock, group, log } = environment
  const { name } = settings
  const closing = new AbortController()

  const letterOf =
    ({ topic, pattern, endpoint }: Place): Walk['letterOf'] =>
    (partition, message: KafkaMessage & { readonly isControlRecord?: boolean }): DeadLetter | undefined => {
      if (message.isControlRecord === true) return undefined
      const fields = fieldsOf(message)
      const source = originOf(fields, topic, partition, message.offset)
      return readLetter(fields, { ...described(fields), key: keyOf(message.key) }, bodyOf(message), {
        source,
        messageId: source,
        pattern,
        endpoint,
        service: group,
        reason: 'set aside by another program',
        attempts: 0,
      })
    }

  /** Resolves once it is written, or cannot be; tries again what may pass. */
  const put = (topic: string, partition: number | undefined, record: Record): Promise<Either<ConnectError, void>> =>
    new Promise((resolve) => {
      const to = { topic, create: false, acks: -1, ...(partition === undefined ? {} : { partition }) } as const
      let over = false
      let withdraw = (): unknown => undefined
      const end = (result: Either<ConnectError, void>): void => {
        over = true
        forget()
        resolve(result)
      }
      const forget = clock.after(writeMs, () => {
        withdraw()
        end(E.left(transportFailed(name, `cannot write to ${topic}: no answer`)))
      })
      const attempt = (): void => {
        if (over) return
        withdraw = post(
          to,
          () => record,
          (failed) => {
            if (failed === undefined) end(E.right(undefined))
            else if (failed.retryAfterMs !== undefined) clock.after(failed.retryAfterMs, attempt)
            else if (failed.error._tag === 'Unauthorized') end(E.left(failed.error))
            else end(E.left(transportFailed(name, `cannot write to ${topic}: ${render(failed.error)}`)))
          },
        )
      }
      attempt()
    })

  const visit =
    <A>(place: Place, none: A, work: (on: Walk) => Promise<Either<ConnectError, A>>): TaskEither<ConnectError, A> =>
    async () => {
      const { topic } = place
      if (closing.signal.aborted) return E.left(transportFailed(name, 'the connection is closed'))
      const opened = await way.attempt()
      if (E.isLeft(opened)) return opened
      known.forget(topic)
      const found = await known.find(opened.right.admin, topic, false)
      if (E.isLeft(found)) return found
      if (found.right === undefined) return E.right(none)
      const reading = reader(driver, settings, environment, topic, topic, closing.signal)
      try {
        return await work({ reader: reading, letterOf: letterOf(place) })
      } catch (cause) {
        return E.left(connectError(name, `cannot look after ${topic}`, cause))
      } finally {
        await reading.end()
      }
    }

  const made = async (topic: string): Promise<Either<ConnectError, void>> => {
    const opened = await way.attempt()
    if (E.isLeft(opened)) return opened
    const { admin } = opened.right
    known.forget(topic)
    const found = await known.find(admin, topic, false)
    if (E.isLeft(found)) return found
    if (found.right !== undefined) return E.right(undefined)
    const ensured = await known.ensure(admin, [{ topic }])
    // n.b. a service that had read further in the topic of that name would pass over what is there before it looks
    if (E.isRight(ensured)) await waits(clock, madeMs)
    return ensured
  }
  // n.b. brokers forget in time what a group without members has committed, and what is settled would be a letter again
  const erase = async (topic: string, partition: number, before: number): Promise<void> => {
    const deleting = async (): Promise<void> => {
      const admin = way.current()?.admin
      // n.b. kafkajs does not look for leaders before it deletes
      await admin?.fetchTopicOffsets(topic)
      await admin?.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(before) }] })
    }
    await settled(clock, deleting(), eraseMs).catch((cause: unknown) => {
      log(`${name}: what is settled in ${topic} stays there until it is too old: ${reasonOf(cause)}`)
    })
  }
  const store = (place: Place): LetterStore => {
    const { topic, retries } = place
    return {
      read: (look) =>
        visit(place, undefined, async (on) => {
          await walk(on, look)
          return E.right(undefined)
        }),
      sweep: (verdict) =>
        visit(place, { redriven: 0, dropped: 0 }, (on) =>
          sweep(
            {
              ...on,
              write: async (partition, redriven, kept) => {
                const there = redriven.length === 0 ? E.right(undefined) : await made(retries)
                if (E.isLeft(there)) return there
                const written = await Promise.all([
                  ...redriven.map(({ message, letter }) => put(retries, undefined, redriveRecord(message, letter))),
                  ...kept.map(({ message }) => put(topic, partition, sameRecord(message))),
                ])
                return written.find(E.isLeft) ?? E.right(undefined)
              },
              erase: (partition, before) => erase(topic, partition, before),
            },
            (letter) => {
              const judged = verdict(letter)
              // n.b. without its body it would be another event
              return judged === 'redrive' && letter.body === undefined ? 'keep' : judged
            },
          ),
        ),
    }
  }

  return {
    stores: (sources) =>
      // n.b. of a pattern that comes more than once the first counts
      [...new Map([...sources].reverse().map((one) => [one.pattern, one])).values()].map(({ endpoint, pattern }) =>
        store({ topic: names.letters(pattern, group), retries: names.retry(pattern, group), pattern, endpoint }),
      ),
    close: () => {
      closing.abort()
    },
  }
}

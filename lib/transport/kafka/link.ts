/** The way to the brokers for everything but consuming: one producer, one admin, and a look now and then at whether they live. */
import * as E from 'fp-ts/lib/Either.js'
import type { Admin, Producer } from 'kafkajs'
import { keepOpen, type KeptOpen } from '../broker/keep-open.js'
import { reasonOf } from '../broker/failing.js'
import type { Environment } from '../transport.js'
import { connectError, typeOf } from './failures.js'
import type { Settings } from './options.js'
import { settled, waits } from './settled.js'
import { station, type Driver } from './station.js'

export interface Link {
  readonly producer: Producer
  readonly admin: Admin
  /** It is of no use any more, for a reason that only its user knows. */
  readonly lost: (why: string) => void
  readonly end: () => Promise<void>
}

/** Between two looks, and what an answer may take, in milliseconds. */
const everyMs = 2_000
const answerMs = 2_500
/** An answer that takes so long is not waited for alone: of several brokers another one may be asked the next time. */
const slowMs = 1_000
const closeMs = 1_000
/** What brokers may take to have a record everywhere, and then to say so, in milliseconds. */
export const writeMs = 10_000
const toldMs = 2_500
/** Between attempts: a service is to consume again within 5 s of its broker's return. */
const longestMs = 3_000

/** Kept open until it is closed. `probed` is the topic that is asked for; it need not exist. */
export const link = (driver: Driver, settings: Settings, environment: Environment, probed: string): KeptOpen<Link> => {
  const { clock } = environment
  const { name } = settings
  let abandon = (): void => undefined
  const kept = keepOpen<Link>(environment, name, {
    what: `${name}: the connection to Kafka`,
    longestMs,
    close: (one) => one.end(),
    open: async (lost) => {
      let over = false
      let forget = (): void => undefined
      let looking = false
      const tell = (why: string): void => {
        if (!over) lost(why)
      }
      const ask = (): Promise<string | undefined> =>
        admin.fetchTopicMetadata({ topics: [probed] }).then(
          () => undefined,
          // n.b. an error of the broker is an answer
          (cause: unknown) => (typeOf(cause) === undefined ? reasonOf(cause) : undefined),
        )
      // One failure is not enough: of several brokers another one may be asked the next time.
      const twice = async (): Promise<string | undefined> => {
        const asked = ask()
        const early = await settled(clock, asked, slowMs)
        if (early !== undefined) {
          if (early.value === undefined) return undefined
          await waits(clock, 200)
        }
        const again = ask()
        const either = early === undefined ? [asked, again] : [again]
        return new Promise((resolve) => {
          let left = either.length
          for (const one of either)
            void one.then((why) => {
              left -= 1
              if (why === undefined || left === 0) resolve(why)
            })
        })
      }
      const look = async (): Promise<void> => {
        if (looking || over) return
        looking = true
        forget()
        const answer = await settled(clock, twice(), answerMs)
        const why = answer === undefined ? 'no answer' : answer.value
        looking = false
        if (why !== undefined) tell(why)
        else if (!over) forget = clock.after(everyMs, () => void look(), true)
      }
      const patienceMs = Math.max(writeMs + toldMs, settings.kafkajs.requestTimeout ?? 0)
      const at = station(driver, settings, clock, { closed: () => void look() }, 'impatient', patienceMs)
      const admin = at.kafka.admin({ retry: { retries: 0 } })
      const producer = at.kafka.producer({
        allowAutoTopicCreation: false,
        idempotent: false,
        // n.b. the outbox tries again what may be written twice; kafkajs would do that to all
        retry: { retries: 0 },
        createPartitioner:
          () =>
          ({ message }) =>
            message.partition ?? 0,
      })
      const end = async (): Promise<void> => {
        over = true
        forget()
        const ended = Promise.allSettled([producer.disconnect(), admin.disconnect()])
        await settled(clock, ended, closeMs)
        at.destroy()
        await settled(clock, ended, closeMs)
      }
      abandon = at.destroy
      const opened = await Promise.all([admin.connect(), producer.connect()]).then(E.right, (cause: unknown) =>
        E.left(connectError(name, 'cannot connect', cause)),
      )
      abandon = () => undefined
      if (E.isLeft(opened)) {
        await end()
        return opened
      }
      forget = clock.after(everyMs, () => void look(), true)
      return E.right({ producer, admin, lost: tell, end })
    },
  })
  return {
    ...kept,
    // n.b. an attempt under way waits half a minute for a broker that takes connections and never answers
    close: () => {
      abandon()
      return kept.close()
    },
  }
}

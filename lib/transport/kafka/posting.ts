/** Sends single records to topics that have to be known first, and made where that is wanted. */
import * as E from 'fp-ts/lib/Either.js'
import type { CallFailure, ConnectError } from '../../core/error.js'
import { render } from '../../core/render.js'
import { disconnected, failing, transportFailed } from '../broker/failing.js'
import type { KeptOpen } from '../broker/keep-open.js'
import type { Cancel, Environment, Failing } from '../transport.js'
import { writeMs, type Link } from './link.js'
import { outbox, type Destination, type Outbox, type Record, type Sent } from './outbox.js'
import { waits } from './settled.js'
import type { Topics } from './topics.js'

/** Where a record goes. */
export interface To {
  readonly topic: string
  /** Whether the topic is made when it is missing, where the options want that. */
  readonly create: boolean
  /** Instead of the one of its key. */
  readonly partition?: number
  readonly acks: -1 | 1
  /** What may have been written is not written again. Default false. */
  readonly once?: boolean
  /** What it means that the topic is missing; default: the transport failed, and says which one. */
  readonly missing?: () => Failing
}

export interface Posting {
  /** `record` is made when it can leave. `done` is called once, unless the result gave it up. */
  readonly post: (to: To, record: () => Record, done: Sent) => Cancel
  readonly box: Outbox
}

/** What a call can fail with. */
export const callFailure = (name: string, error: ConnectError): CallFailure =>
  error._tag === 'TopicMissing' || error._tag === 'TopologyMismatch'
    ? transportFailed(name, render(error), error)
    : error

export const posting = (name: string, { random, clock }: Environment, way: KeptOpen<Link>, known: Topics): Posting => {
  const open = (): Promise<Link> =>
    new Promise((resolve, reject) => {
      way.whenOpen(resolve, (error) => {
        reject(new Error(render(error)))
      })
    })
  // n.b. a topic that is gone makes kafkajs refuse all others as well, until there is a new producer
  const refresh = async (topic: string): Promise<void> => {
    const { admin, lost } = await open()
    const found = await known.find(admin, topic, false)
    lost(
      E.isRight(found) && found.right === undefined
        ? `the topic ${topic} is gone`
        : 'it knows an older state of topics',
    )
  }
  const box = outbox({
    name,
    random,
    pause: (ms) => waits(clock, ms),
    ready: async () => {
      await open()
    },
    send: async (topic, acks, messages) => {
      const { producer } = await open()
      return producer.sendBatch({ acks, timeout: writeMs, topicMessages: [{ topic, messages: [...messages] }] })
    },
    stale: (topic) => {
      known.forget(topic)
      refresh(topic).catch(() => undefined)
    },
  })
  const absent = (topic: string): Failing => failing(transportFailed(name, `the topic ${topic} does not exist`))

  const destination = ({ topic, partition, acks, once = false }: To, partitions: number): Destination =>
    partition === undefined ? { topic, partitions, acks, once } : { topic, partitions, partition, acks, once }

  return {
    box,
    post: (to, record, done) => {
      const { topic, create, missing } = to
      const there = way.current() === undefined ? undefined : known.known(topic)
      // n.b. the usual case, without what only waiting takes
      if (there !== undefined) return box.put(destination(to, there), record(), done)
      let over = false
      const end: Sent = (result) => {
        if (over) return
        over = true
        done(result)
      }
      const put = (partitions: number): void => {
        if (over) return
        cancel = box.put(destination(to, partitions), record(), end)
      }
      const look = async ({ admin }: Link): Promise<void> => {
        const found = await known.find(admin, topic, create)
        if (E.isRight(found)) {
          if (found.right === undefined) end(missing === undefined ? absent(topic) : missing())
          else put(found.right)
        } else if (found.left._tag === 'Unauthorized') end(failing(found.left))
        // n.b. most likely the connection is being lost
        else end({ ...disconnected(false), error: callFailure(name, found.left) })
      }
      let cancel: Cancel = () => {
        stop()
        return 'no'
      }
      const stop = way.whenOpen(
        (link) => {
          const partitions = known.known(topic)
          if (partitions !== undefined) {
            put(partitions)
            return
          }
          cancel = () => 'no'
          void look(link)
        },
        (error) => {
          end(failing(callFailure(name, error)))
        },
      )
      return () => {
        if (over) return 'maybe'
        over = true
        return cancel()
      }
    },
  }
}

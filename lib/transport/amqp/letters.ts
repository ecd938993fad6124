/** The dead letters of one endpoint, looked at and sorted out in the queue where they lie. */
import type { Channel, GetMessage } from 'amqplib'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { ConnectError } from '../../core/error.js'
import type { DeadLetter, LetterVerdict, Swept } from '../../core/letter.js'
import { transportFailed } from '../broker/failing.js'
import type { KeptOpen } from '../broker/keep-open.js'
import type { Environment, LetterSource, LetterStore } from '../transport.js'
import { connectError, isMissing } from './errors.js'
import { letterOf, revived } from './letter.js'
import { deadQueue, eventQueue } from './names.js'
import type { Settings } from './options.js'
import type { End, Outbox, Publication } from './outbox.js'
import type { Publishing } from './publishing.js'
import { declareEvent } from './topology.js'
import type { Wire } from './wire.js'

/** How long the broker may take for one answer, in milliseconds. */
const answerMs = 10_000

/** What is put back at once, with one wait for all confirms: so many, of so many bytes. */
const mostChosen = 100
const mostChosenBytes = 8 * 1024 * 1024

/** Where letters are taken from. */
interface Place {
  readonly wire: Wire
  readonly channel: Channel
}

const silent = 'the broker does not answer'

const whyNot = {
  returned: 'the queue is not there',
  refused: 'the queue is full',
  lost: 'the connection was lost',
  unsent: 'the connection was lost',
} as const

export const letterStore = (
  settings: Settings,
  { clock, group, log }: Pick<Environment, 'clock' | 'group' | 'log'>,
  publish: KeptOpen<Publishing>,
  outbox: Outbox,
  source: LetterSource,
): LetterStore => {
  const { name, prefix } = settings
  const queue = eventQueue(prefix, group, source.endpoint)
  const dead = deadQueue(queue)
  const lying = { source, queue, prefix, group }

  // n.b. the driver never ends some of what it waits for when its connection does
  const answered = <A>(work: Promise<A>): Promise<A> =>
    new Promise((resolve, reject) => {
      const forget = clock.after(answerMs, () => {
        reject(new Error(silent))
      })
      void work.finally(forget).then(resolve, reject)
    })

  // Takes one after the other on a channel of its own. What is not acknowledged goes back to its place when that closes:
  // nothing has to be written again to be kept. Until then nobody else sees it.
  const walk = async (
    step: (message: GetMessage, place: Place) => boolean | Promise<boolean>,
    end: (place: Place) => Promise<void> = () => Promise.resolve(),
  ): Promise<Either<ConnectError, void>> => {
    const opened = await publish.attempt()
    if (E.isLeft(opened)) return opened
    const { wire } = opened.right
    let channel: Channel | undefined
    try {
      channel = await answered(wire.channel(() => undefined))
      const place = { wire, channel }
      const { messageCount } = await answered(channel.checkQueue(dead))
      for (let left = messageCount; left > 0; left -= 1) {
        const message = await answered(channel.get(dead))
        if (message === false || !(await step(message, place))) break
      }
      await end(place)
      // n.b. answered once the queue has applied every acknowledgement, and has taken back the others
      await answered(channel.close())
      return E.right(undefined)
    } catch (error) {
      return isMissing(error) ? E.right(undefined) : E.left(connectError(name, `cannot read ${dead}`, error))
    } finally {
      if (channel !== undefined) await wire.release(channel)
    }
  }

  const post = (publication: Publication): Promise<End> =>
    new Promise((resolve) => {
      const forget = clock.after(answerMs, () => {
        cancel()
        resolve(transportFailed(name, `cannot write to ${queue}: ${silent}`))
      })
      const cancel = outbox.send(publication, (end) => {
        forget()
        resolve(end)
      })
    })

  const putBack = async (message: GetMessage, { wire, channel }: Place): Promise<'done' | 'kept' | ConnectError> => {
    const publication = revived(message, letterOf(message, lying), queue)
    let end = await post(publication)
    if (end === 'returned') {
      try {
        await answered(declareEvent(wire, settings, queue, source.pattern))
      } catch (error) {
        return connectError(name, `cannot declare ${queue}`, error)
      }
      end = await post(publication)
    }
    if (end === 'unsendable') {
      log(`${name}: a dead letter of ${queue} stays: its headers cannot be written again`)
      return 'kept'
    }
    if (end !== 'confirmed')
      return typeof end === 'string' ? transportFailed(name, `cannot write to ${queue}: ${whyNot[end]}`) : end
    channel.ack(message)
    return 'done'
  }

  const sweep = async (verdict: (letter: DeadLetter) => LetterVerdict): Promise<Either<ConnectError, Swept>> => {
    const chosen: Array<GetMessage> = []
    let bytes = 0
    let failed: ConnectError | undefined
    let redriven = 0
    let dropped = 0
    const flush = async (place: Place): Promise<void> => {
      bytes = 0
      const ends = await Promise.all(chosen.splice(0).map((message) => putBack(message, place)))
      redriven += ends.filter((end) => end === 'done').length
      failed ??= ends.find((end) => typeof end === 'object')
    }
    const walked = await walk(async (message, place) => {
      const what = verdict(letterOf(message, lying))
      if (what === 'drop') {
        place.channel.ack(message)
        dropped += 1
      } else if (what === 'redrive') {
        bytes += message.content.length
        if (chosen.push(message) >= mostChosen || bytes >= mostChosenBytes) await flush(place)
      }
      return what !== 'stop' && failed === undefined
    }, flush)
    return failed !== undefined ? E.left(failed) : E.isLeft(walked) ? walked : E.right({ redriven, dropped })
  }

  return {
    read: (look) => () => walk((message) => look(letterOf(message, lying))),
    sweep: (verdict) => () => sweep(verdict),
  }
}

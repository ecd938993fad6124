/** Requests and their replies, over the broker's direct reply-to. */
import type { Message } from 'amqplib'
import { freshId } from '../../core/clock.js'
import { deadlineWriter } from '../broker/deadline.js'
import { answerOf } from '../broker/reply.js'
import { closed, disconnected, failing } from '../broker/failing.js'
import type { KeptOpen } from '../broker/keep-open.js'
import type { Answer, Cancel, Environment, Failing, Outgoing } from '../transport.js'
import { callFailure, isClosed } from './errors.js'
import { fieldsOf, textOf } from './fields.js'
import { gate } from './gate.js'
import type { Settings } from './options.js'
import type { Publication } from './outbox.js'
import { requestWriter } from './outgoing.js'
import type { Publishing } from './publishing.js'

export interface Calls {
  readonly request: (message: Outgoing, answer: (answer: Answer) => void) => Cancel
  /** Publishes a reply, at most once; one that cannot leave within `ms` is given up. */
  readonly reply: (publication: Publication, ms: number) => void
  readonly flow: () => void
  readonly replied: (message: Message) => void
  readonly returned: (message: Message) => void
  /** Nothing that was sent is answered any more. */
  readonly lost: () => void
  /** Fails what is under way as `Closed`. */
  readonly close: () => void
}

/** Replies that wait for the connection; one more is given up, and its caller runs into its deadline. */
const mostReplies = 10_000

/** A property of the message is longer than AMQP has room for. */
export const unsendable: Failing = failing({
  _tag: 'InvalidPayload',
  issues: [
    { path: '', expected: 'an id, a content type and headers that fit the 255 bytes of a property and 64 KiB in all' },
  ],
})

export const calls = (link: KeptOpen<Publishing>, { name, prefix }: Settings, env: Environment): Calls => {
  const deadline = deadlineWriter(env.clock)
  const write = requestWriter(prefix, deadline)
  const pending = new Map<string, (answer: Answer) => void>()
  const waiting = new Set<() => void>()
  const outlet = gate<Publishing>(link, ({ wire, calls: { full } }) => !wire.blocked() && !full)

  const publish = ({ calls: open }: Publishing, { exchange, routingKey, content, properties }: Publication): void => {
    open.full = !open.channel.publish(exchange, routingKey, content, open.encodable(properties))
  }
  const take = (message: Message): ((answer: Answer) => void) | undefined => {
    const call = textOf(message.properties.correlationId)
    const answer = call === undefined ? undefined : pending.get(call)
    if (call !== undefined) pending.delete(call)
    return answer
  }
  return {
    request: (message, answer) => {
      const call = freshId(env.random)
      const since = env.clock.now()
      let over = false
      const finish = (given: Answer): void => {
        if (over) return
        over = true
        waiting.delete(abandon)
        deadline.heard(given, message.timeoutMs, since)
        answer(given)
      }
      const abandon = (): void => {
        leave()
        finish(closed('no'))
      }
      waiting.add(abandon)
      const leave = outlet.push({
        send: (open) => {
          waiting.delete(abandon)
          const timeoutMs = message.timeoutMs - (env.clock.now() - since)
          try {
            publish(open, write(message, timeoutMs, call))
            pending.set(call, finish)
          } catch (error) {
            finish(isClosed(error) ? disconnected(false) : unsendable)
          }
        },
        never: (error) => {
          finish(failing(callFailure(name, error)))
        },
      })
      return () => {
        leave()
        over = true
        waiting.delete(abandon)
        return pending.delete(call) ? 'maybe' : 'no'
      }
    },
    reply: (publication, ms) => {
      if (outlet.waiting() >= mostReplies) return
      let over = false
      let forget = (): void => undefined
      const leave = outlet.push({
        send: (open) => {
          over = true
          forget()
          try {
            publish(open, publication)
          } catch (error) {
            if (!isClosed(error)) env.log(`${name}: a reply could not be encoded`)
          }
        },
        never: () => {
          over = true
          forget()
        },
      })
      if (!over) forget = env.clock.after(ms, leave, true)
    },
    flow: outlet.flow,
    replied: (message) => take(message)?.(answerOf(name, fieldsOf(message.properties.headers), message.content)),
    returned: (message) => take(message)?.(failing({ _tag: 'NoHandler', pattern: message.fields.routingKey })),
    lost: () => {
      const all = [...pending.values()]
      pending.clear()
      for (const answer of all) answer(disconnected(true))
    },
    close: () => {
      for (const abandon of [...waiting]) abandon()
      const all = [...pending.values()]
      pending.clear()
      for (const answer of all) answer(closed('maybe'))
    },
  }
}

/** The events of one endpoint: from its queue to its handler, and settled there. */
import { line } from '../../core/line.js'
import type { Reason, Settlement } from '../../core/settlement.js'
import { field, numberOf, type Fields } from '../broker/attributes.js'
import { writeLetter } from '../broker/letter.js'
import type { Subscription } from '../transport.js'
import { patternField, restField } from './fields.js'
import type { Consumer, House } from './house.js'
import { eventReader, type Read } from './incoming.js'
import { ack, giveBack, intake, type Taken } from './intake.js'
import { deadQueue, eventQueue, retryQueue, tierOf } from './names.js'
import { maxMessageBytes } from './options.js'
import { declareDead, declareEvent, declareRetry } from './topology.js'

/** A shorter delay is waited for here, with the event unsettled: no retry queue is that quick. Milliseconds. */
const holdMs = 500

/** How long nothing is handed over after a delivery was refused because too much is held, in milliseconds. */
const restMs = 100

/** A window that is larger than the concurrency by so much: the endpoint works ordering keys out of what events say. */
const keyed = 1_000

const retryFields = ({ fields }: { readonly fields: Fields }): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [field.attempt, field.firstFailedAt].flatMap((name) => {
      const value = fields[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )

export const eventConsumer = <N extends string>(
  house: House<N>,
  index: number,
  subscription: Subscription,
): Consumer => {
  const { settings, env, link, store, deliver } = house
  const { clock, group } = env
  const { endpoint, concurrency, window } = subscription
  const places = Math.min(window, concurrency + Math.floor(concurrency / 4))
  const queue = eventQueue(settings.prefix, group, endpoint)
  const read = eventReader<N>(settings, env, subscription, queue)
  // Deliveries that wait until the runtime takes more, in order.
  const backlog = line<Taken>()
  // Retries that wait for their time, unsettled.
  const held = new Map<() => void, () => void>()
  let wake: (() => void) | undefined
  let stopping = false
  let stopped = false

  const again = (
    taken: Taken,
    { context }: Read<N>,
    delayMs: number,
    fields: Readonly<Record<string, string>>,
  ): void => {
    const tier = tierOf(delayMs)
    const rest = delayMs > tier ? { [restField]: String(Math.round(delayMs - tier)) } : {}
    const short = delayMs < holdMs
    const put = (): void => {
      store.put({
        taken,
        queue: short ? queue : retryQueue(queue, tier),
        declare: (wire) =>
          short
            ? declareEvent(wire, settings, queue, subscription.pattern)
            : wire.aside((channel) => declareRetry(channel, queue, tier, settings)),
        fields: { [patternField]: context.pattern, ...fields, ...rest },
        what: 'a retry',
      })
    }
    if (short && stopping) later(put)
    else put()
  }
  const retry = (
    taken: Taken,
    event: Read<N>,
    { delayMs, attempt, reason }: Extract<Settlement, { readonly _tag: 'Retry' }>,
  ): void => {
    const fields = { [field.attempt]: String(attempt), [field.firstFailedAt]: String(Math.round(reason.firstFailedAt)) }
    if (delayMs >= holdMs || stopping || delayMs <= 0) {
      again(taken, event, delayMs, fields)
      return
    }
    const run = (): void => {
      held.get(run)?.()
      held.delete(run)
      again(taken, event, 0, fields)
    }
    held.set(run, clock.after(delayMs, run))
  }
  // n.b. what goes back while the broker still delivers would come straight again; and what it is delivering when the
  // consumer ends, a quorum queue counts as a delivery that nobody has seen
  const back: Array<() => void> = []
  const later = (act: () => void): void => {
    if (stopped) act()
    else back.push(act)
  }
  // The broker keeps the place of what it takes back, and counts it as a delivery. An event that is being retried has lost
  // its place, and goes back as a copy, with the number of its next start as it was.
  const giveUp = (taken: Taken): void => {
    const event = read(taken.message)
    later(() => {
      if (event !== undefined && event.context.attempt > 1)
        again(taken, event, 0, { ...retryFields(event), [field.attempt]: String(event.context.attempt) })
      else giveBack(taken)
    })
  }
  const bury = (taken: Taken, { context }: Read<N>, reason: Reason, to = deadQueue(queue)): void => {
    const fields: Record<string, string> = { [patternField]: context.pattern }
    const { messageId, pattern } = context
    writeLetter(fields, reason, { source: queue, messageId, pattern, endpoint }, env)
    store.put({
      taken,
      queue: to,
      declare: (wire) => wire.aside((channel) => declareDead(channel, to)),
      fields,
      what: 'a dead letter',
    })
  }

  const settle = (taken: Taken, event: Read<N>, settlement: Settlement): void => {
    switch (settlement._tag) {
      case 'Ack':
      case 'Reply':
      case 'Fail':
        ack(taken)
        return
      case 'Refuse':
        if (settlement.because === 'draining' || stopping) giveUp(taken)
        else rest(taken)
        return
      case 'Retry':
        retry(taken, event, settlement)
        return
      case 'DeadLetter':
        bury(taken, event, settlement.reason, settlement.to)
    }
  }

  const rest = (taken: Taken): void => {
    backlog.unshift(taken)
    wake ??= clock.after(restMs, () => {
      wake = undefined
      while (wake === undefined) {
        const next = backlog.shift()
        if (next === undefined) break
        hand(next)
      }
    })
  }

  const hand = (taken: Taken): void => {
    if (!taken.live.open) return
    const event = read(taken.message)
    if (event === undefined) {
      ack(taken)
      return
    }
    const { content } = taken.message
    const { context, fields, key, identified } = event
    const now = clock.unix()
    if (content.length > maxMessageBytes) {
      const message = `a body of at most ${String(maxMessageBytes)} bytes`
      const attempts = context.attempt - 1
      const at = { firstFailedAt: now, lastFailedAt: now }
      bury(taken, event, { _tag: 'InvalidPayload', message, errorId: undefined, attempts, ...at })
      return
    }
    const left = numberOf(fields, restField) ?? 0
    if (left >= holdMs) {
      again(taken, event, left, retryFields(event))
      return
    }
    if (key !== undefined) own.widen()
    const firstFailedAt = numberOf(fields, field.firstFailedAt)
    deliver(
      { subscription: index, context, body: content, identified, key, firstFailedAt, admitted: undefined },
      (settlement) => {
        settle(taken, event, settlement)
      },
    )
  }

  const own = intake(settings, env, link, {
    queue,
    declare: (wire) => declareEvent(wire, settings, queue, subscription.pattern),
    // n.b. what waits here is kept from other replicas, and counts as an attempt when it goes back
    prefetch: places,
    more: window - places,
    wide: window >= concurrency + keyed,
    take: (taken) => {
      if (stopping) giveUp(taken)
      else if (wake !== undefined) backlog.push(taken)
      else hand(taken)
    },
  })

  return {
    intake: own,
    stop: async () => {
      stopping = true
      wake?.()
      for (let next = backlog.shift(); next !== undefined; next = backlog.shift()) giveUp(next)
      for (const run of [...held.keys()]) run()
      await own.stop()
      stopped = true
      for (const act of back.splice(0)) act()
    },
    close: () => {
      wake?.()
      for (const forget of held.values()) forget()
      held.clear()
    },
  }
}

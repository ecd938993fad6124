/** The events of one pattern, as one replica of a service handles them. */
import * as O from 'fp-ts/lib/Option.js'
import type { Reason, Settlement } from '../../core/settlement.js'
import { field } from '../broker/attributes.js'
import { noSuchEndpoint } from '../broker/letter.js'
import { contextOf } from './context-of.js'
import { endings } from './ending.js'
import { entryOf, mostBesideBytes, readOf, takenOf, type Taken } from './entry.js'
import { createGroup } from './group.js'
import { eventKeys, groupKeys } from './keys.js'
import { blockMs } from './limits.js'
import { upkeep } from './upkeep.js'
import { reader, type Reader } from './reader.js'
import { earlier, holding, recordOf, streamOfSource, type Record, type Source } from './record.js'
import * as scripts from './scripts.js'
import { overloadedMs, type DeliverRedis, type Shared, type Target } from './shared.js'
import { waiting } from './waiting.js'
import type { Wire } from './wire.js'

/** Acknowledgements that are not answered yet; beyond them nothing more is read. */
const mostAcks = 2_000
/** Longer than it takes the runtime to give back what it holds, so that all of that can be put in order. */
const gatherMs = 20

export interface Events {
  readonly reader: Reader
  /** No delivery begins after it. */
  readonly stop: () => Promise<void>
  /** Hands in what is still to be given back, before the writes that must last are closed. */
  readonly flush: () => void
  /** Leaves what was never settled to others, at once, and goes. */
  readonly leave: (wire: Wire | undefined) => Promise<void>
}

/** Makes the groups of a pattern; the position of a group is kept from its first start on. */
export const prepareEvents = async ({ settings, env }: Shared, wire: Wire, pattern: string): Promise<void> => {
  const { stream } = eventKeys(settings.prefix, pattern)
  const { group, retry } = groupKeys(stream, env.group)
  await createGroup(wire.redis, stream, group, settings.startAt === 'end' ? '$' : '0')
  await createGroup(wire.redis, retry, group, '0')
}

export const events = (
  shared: Shared,
  pattern: string,
  targets: ReadonlyArray<Target>,
  deliver: DeliverRedis,
  maxMessageBytes: number,
  lost: (count: number) => void,
): Events => {
  const { settings, env, consumer, commands } = shared
  const { clock, log } = env
  const { name, limits } = settings
  const keys = eventKeys(settings.prefix, pattern)
  const own = groupKeys(keys.stream, env.group)
  const { group } = own
  const held = holding()
  const returned: Array<readonly [Record, Target]> = []
  const timers = new Set<() => void>()
  let acks = 0
  let stopped = false
  let left = false
  let retriesCame = false
  let orphaned = false

  const places = (): number => (stopped || acks > mostAcks ? 0 : lines.places())

  const care = upkeep(shared, keys, own, {
    held,
    places,
    taken: (source, taken) => {
      takeIn(source, taken)
    },
    missed: (count) => {
      reportLost(keys.stream, count)
    },
  })
  const ends = endings(shared, pattern, keys, own, (record) => {
    held.drop(record)
    care.ended()
  })

  const after = (ms: number, run: () => void): void => {
    if (left) return
    const forget = clock.after(ms, () => {
      timers.delete(forget)
      run()
    })
    timers.add(forget)
  }
  const free = (target: Target): void => {
    target.outstanding -= 1
    pump()
  }
  const flush = (): void => {
    returned.sort(([a], [b]) => earlier(a, b))
    for (const [record, { subscription }] of returned.splice(0))
      ends.giveBack(record, subscription.endpoint, record, () => undefined)
  }
  // What a stopping runtime gives back comes in no order; in one write it keeps the order that it had.
  const giveBack = (record: Record, target: Target): void => {
    if (returned.push([record, target]) === 1) after(gatherMs, flush)
  }

  const settle = (record: Record, target: Target, settlement: Settlement): void => {
    const { endpoint } = target.subscription
    const applied = (): void => {
      free(target)
    }
    switch (settlement._tag) {
      case 'Ack':
      case 'Reply':
      case 'Fail':
        acks += 1
        ends.acknowledge(record, () => {
          acks -= 1
          if (acks === mostAcks) pump()
        })
        free(target)
        return
      case 'Retry': {
        const { attempt, delayMs, reason } = settlement
        ends.delay(record, endpoint, { attempt, firstFailedAt: reason.firstFailedAt }, delayMs, (written) => {
          if (written) care.due(delayMs)
          applied()
        })
        return
      }
      case 'DeadLetter':
        ends.bury(record, endpoint, settlement.reason, settlement.to, applied)
        return
      case 'Refuse':
        if (settlement.because === 'draining' || stopped) {
          giveBack(record, target)
          free(target)
        } else
          after(overloadedMs, () => {
            if (stopped) settle(record, target, settlement)
            else give(record, target)
          })
    }
  }
  const give = (record: Record, target: Target): void => {
    const { entry, message, deliveries, attempt, firstFailedAt, stream } = record
    const context = contextOf(entry, message, { name, pattern, stream, deliveries, attempt, deadline: O.none })
    const { body } = entry
    const key = message.described.key
    // n.b. the place of an event never changes, so it is as good as an id
    const identified = true
    deliver(
      { subscription: target.index, context, body, identified, key, firstFailedAt, admitted: undefined },
      (settlement) => {
        settle(record, target, settlement)
      },
    )
  }

  const lines = waiting(targets, give)
  const pump = (): void => {
    if (!stopped) lines.pump()
    source.wake()
  }

  const because = ({ attempt, firstFailedAt }: Record, tag: Reason['_tag'], message: string): Reason => {
    const at = clock.unix()
    const attempts = tag === 'AttemptsExhausted' ? attempt - 1 : 0
    return { _tag: tag, message, errorId: undefined, attempts, firstFailedAt: firstFailedAt ?? at, lastFailedAt: at }
  }
  // What cannot be delivered is set aside for each endpoint that it was meant for.
  const setAside = (record: Record, reason: Reason): void => {
    const endpoints =
      record.targets.length > 0
        ? record.targets.map(({ subscription }) => subscription.endpoint)
        : [record.entry.fields[field.endpoint] ?? pattern]
    record.open = endpoints.length
    // n.b. letters that cannot be written take up room like events that are being handled
    acks += 1
    for (const target of record.targets) target.outstanding += 1
    for (const endpoint of endpoints)
      ends.bury(record, endpoint, reason, undefined, () => {
        const target = record.targets.find(({ subscription }) => subscription.endpoint === endpoint)
        if (endpoint === endpoints[0]) acks -= 1
        if (target !== undefined) free(target)
      })
  }

  const arrive = (from: Source, id: string, fields: ReadonlyArray<Buffer>, deliveries: number): void => {
    if (held.has(from, id)) return
    const record = recordOf(from, streamOfSource(from, keys.stream, own), entryOf(id, fields), deliveries, targets)
    held.add(record)
    const giveUp = (tag: Reason['_tag'], message: string): void => {
      setAside(record, because(record, tag, message))
    }
    if (record.targets.length === 0) {
      const of = JSON.stringify(record.entry.fields[field.endpoint]?.slice(0, 200))
      if (!orphaned) log(`${name}: what is for ${env.group}'s former endpoint ${of} is set aside`)
      orphaned = true
      setAside(record, noSuchEndpoint(record.entry.fields, clock.unix()))
    } else if (deliveries > limits.maxDeliveries)
      giveUp('AttemptsExhausted', `handed out ${String(deliveries - 1)} times without an end`)
    else if (record.entry.body.length > maxMessageBytes)
      giveUp('InvalidPayload', `expected at most ${String(maxMessageBytes)} bytes`)
    else if (record.entry.besideBytes > mostBesideBytes)
      giveUp('InvalidPayload', `expected at most ${String(mostBesideBytes)} bytes beside the body`)
    else if (stopped) for (const target of record.targets) giveBack(record, target)
    else lines.join(record)
  }
  const reportLost = (key: string, count: number): void => {
    if (count === 0) return
    lost(count)
    log(`${name}: ${String(count)} entries of ${key} were removed before ${group} had handled them`)
  }
  const takeIn = (from: Source, { taken, lost: all }: Taken): void => {
    const gone = all.filter((id) => !held.has(from, id))
    for (const { id, deliveries, fields } of taken) arrive(from, id, fields, deliveries)
    reportLost(streamOfSource(from, keys.stream, own), gone.length)
    pump()
  }

  const source = reader(shared, {
    what: keys.stream,
    places,
    prepare: async ({ run }) => {
      for (const from of ['retry', 'main'] as const) {
        const count = places()
        if (count <= 0) return false
        const key = streamOfSource(from, keys.stream, own)
        const all = takenOf(await run(scripts.recover, [key], [group, consumer, count, ...held.ids(from)]))
        takeIn(from, all)
        if (all.taken.length + all.lost.length === count) return false
      }
      await care.claim(run)
      return true
    },
    read: async (wire, count) => {
      // n.b. in the same write as the read: one less of both makes a tenth of the time of a service
      ends.flush(wire)
      // n.b. COUNT holds for each of the two streams
      const most = retriesCame ? Math.ceil(count / 2) : count
      const from = ['STREAMS', own.retry, keys.stream, '>', '>']
      const answer = await wire.read('GROUP', group, consumer, 'COUNT', most, 'BLOCK', blockMs, ...from)
      const all = readOf(answer)
      retriesCame = all.some(({ stream }) => stream === own.retry)
      for (const { stream, id, fields } of all) arrive(stream === own.retry ? 'retry' : 'main', id, fields ?? [], 1)
      pump()
    },
    mend: async () => {
      const wire = commands.current()
      if (wire === undefined) return
      log(`${name}: ${keys.stream} or its group is gone, and is made again`)
      // n.b. whatever lies there now came after the group was lost
      for (const key of [keys.stream, own.retry]) await createGroup(wire.redis, key, group, '0')
    },
  })

  return {
    reader: source,
    stop: async () => {
      care.stop()
      stopped = true
      await source.stop()
      for (const [record, target] of lines.drain()) giveBack(record, target)
    },
    flush: () => {
      flush()
      ends.flush()
    },
    leave: async (wire) => {
      left = true
      care.close()
      for (const forget of timers) forget()
      timers.clear()
      if (wire === undefined) return
      for (const from of ['main', 'retry'] as const) {
        const key = streamOfSource(from, keys.stream, own)
        const ids = held.ids(from)
        if (ids.length > 0) await wire.run(scripts.release, [key], [group, consumer, ...ids])
        await wire.run(scripts.leave, [key], [group, consumer])
      }
    },
  }
}

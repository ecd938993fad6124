/** Emits. */
import { freshId } from '../../core/clock.js'
import type { Answer, Cancel, Environment, Outgoing } from '../transport.js'
import { field, sourceOf, times, writeCommon, writeHeaders, writeOwn, type Writing } from '../broker/attributes.js'
import { closed, failing } from '../broker/failing.js'
import { batch, emit, ends, type Appended, type Batch } from './batch.js'
import { callFailed, neverConnected } from './errors.js'
import { remembered, streamOf } from './keys.js'
import type { Link } from './link.js'
import type { Settings } from './options.js'
import type { Wire } from './wire.js'

export interface Publishing {
  readonly publish: (message: Outgoing, answer: (answer: Answer) => void) => Cancel
  /** Fails what is pending, and every later one, as `Closed`. */
  readonly close: () => void
}

interface Emit {
  readonly message: Outgoing
  readonly answer: (answer: Answer) => void
  /** Gives up waiting for a connection. */
  leave: () => void
  written: boolean
  over: boolean
}

/** Events that go together. */
interface Parcel {
  readonly like: Outgoing
  readonly batch: Batch
  readonly emits: Array<Emit>
}

/** When a stream that is full is worth another attempt, in milliseconds. */
const fullMs = 100

const nothing = (): void => undefined

const alike = (a: Outgoing, b: Outgoing): boolean =>
  a.pattern === b.pattern && a.contentType === b.contentType && a.mandatory === b.mandatory

export const publishing = (
  commands: Link,
  { name, prefix, maxLength }: Settings,
  { clock, random, group }: Environment,
): Publishing => {
  const pending = new Set<Emit>()
  const source = sourceOf(group)
  const time = times()
  const stream = remembered((pattern) => [streamOf(prefix, pattern)])
  let due: Array<Emit> = []
  let over = false

  const ownOf = ({ headers, messageId, correlationId, causationId, key }: Outgoing): Writing => {
    const fields: Writing = {}
    const id = messageId ?? freshId(random)
    writeOwn(fields, 'ce_', { id, correlationId, causationId, key }, time(clock.unix()))
    writeHeaders(fields, headers)
    return fields
  }
  const parcel = (like: Outgoing): Parcel => {
    const shared: Writing = { [field.contentType]: like.contentType }
    writeCommon(shared, 'ce_', like.pattern, source)
    return { like, batch: batch(maxLength, like.mandatory, shared), emits: [] }
  }
  const answerOf = (end: Appended, pattern: string): Answer =>
    end === 'appended'
      ? { _tag: 'Accepted' }
      : end === 'full'
        ? failing({ _tag: 'Overloaded', limit: maxLength }, 'no', fullMs)
        : end === 'nobody'
          ? failing({ _tag: 'NoHandler', pattern })
          : callFailed(name, end)

  const finish = (one: Emit, given?: Answer): void => {
    if (one.over) return
    one.over = true
    pending.delete(one)
    one.leave()
    if (given !== undefined) one.answer(given)
  }
  const abandon = (one: Emit): void => {
    finish(one, closed(one.written ? 'maybe' : 'no'))
  }

  const write = ({ run }: Wire, { like: { pattern }, batch: { args }, emits }: Parcel): void => {
    run(emit, stream(pattern), args).then(
      (answer) => {
        const end = ends(answer)
        for (const [place, one] of emits.entries()) finish(one, answerOf(end(place), pattern))
      },
      (error: unknown) => {
        for (const one of emits) finish(one, callFailed(name, error))
      },
    )
  }
  // n.b. by pattern, and in turn: the order of a stream is that of its emits
  const parcels = (emits: ReadonlyArray<Emit>): ReadonlyArray<Parcel> => {
    const all: Array<Parcel> = []
    const open = new Map<string, Parcel>()
    for (const one of emits) {
      if (one.over) continue
      const { message } = one
      let to = open.get(message.pattern)
      const own = ownOf(message)
      if (to === undefined || !alike(to.like, message) || !to.batch.add(message.body, own)) {
        to = parcel(message)
        to.batch.add(message.body, own)
        open.set(message.pattern, to)
        all.push(to)
      }
      to.emits.push(one)
      one.written = true
    }
    return all
  }
  const flush = (): void => {
    const emits = due
    due = []
    const open = commands.current()
    if (open === undefined) for (const one of emits) begin(one)
    else for (const one of parcels(emits)) write(open, one)
  }
  const begin = (one: Emit): void => {
    if (one.over) return
    one.leave = commands.whenOpen(
      () => {
        if (!one.over && due.push(one) === 1) process.nextTick(flush)
      },
      (error) => {
        finish(one, over ? closed('no') : neverConnected(name, error))
      },
    )
  }

  return {
    publish: (message, answer) => {
      if (over) {
        answer(closed('no'))
        return () => 'no'
      }
      const one: Emit = { message, answer, leave: nothing, written: false, over: false }
      pending.add(one)
      begin(one)
      return () => {
        finish(one)
        return one.written ? 'maybe' : 'no'
      }
    },
    close: () => {
      over = true
      for (const one of [...pending]) abandon(one)
    },
  }
}

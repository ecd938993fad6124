/** Emits. */
import { freshId } from '../../core/clock.js'
import type { Answer, Cancel, Environment, Outgoing } from '../transport.js'
import { field, sourceOf, writeEvent, writeHeaders, type Writing } from '../broker/attributes.js'
import { closed, failing } from '../broker/failing.js'
import { callFailed, neverConnected } from './errors.js'
import { partsOf } from './entry.js'
import { remembered, streamOf } from './keys.js'
import type { Link } from './link.js'
import type { Settings } from './options.js'
import * as scripts from './scripts.js'

export interface Publishing {
  readonly publish: (message: Outgoing, answer: (answer: Answer) => void) => Cancel
  /** Fails what is pending, and every later one, as `Closed`. */
  readonly close: () => void
}

/** When a stream that is full is worth another attempt, in milliseconds. */
const fullMs = 100
const full = 1
const nobody = 2

export const publishing = (
  commands: Link,
  { name, prefix, maxLength }: Settings,
  { clock, random, group }: Environment,
): Publishing => {
  const pending = new Set<() => void>()
  const source = sourceOf(group)
  const stream = remembered((pattern) => [streamOf(prefix, pattern)])
  let over = false

  const partsFor = (message: Outgoing) => {
    const { pattern, contentType, headers, messageId, correlationId, causationId, key } = message
    const fields: Writing = { [field.contentType]: contentType }
    const id = messageId ?? freshId(random)
    writeEvent(fields, 'ce_', { id, type: pattern, source, time: clock.unix(), correlationId, causationId, key })
    writeHeaders(fields, headers)
    return partsOf(message.body, fields)
  }
  const answerOf = (result: unknown, pattern: string): Answer =>
    result === full
      ? failing({ _tag: 'Overloaded', limit: maxLength }, 'no', fullMs)
      : result === nobody
        ? failing({ _tag: 'NoHandler', pattern })
        : { _tag: 'Accepted' }

  return {
    publish: (message, answer) => {
      if (over) {
        answer(closed('no'))
        return () => 'no'
      }
      let written = false
      let ended = false
      const finish = (given?: Answer): void => {
        if (ended) return
        ended = true
        pending.delete(abandon)
        leave()
        if (given !== undefined) answer(given)
      }
      const abandon = (): void => {
        finish(closed(written ? 'maybe' : 'no'))
      }
      let leave = (): void => undefined
      pending.add(abandon)
      leave = commands.whenOpen(
        ({ run }) => {
          if (ended) return
          written = true
          run(scripts.emit, stream(message.pattern), [
            String(maxLength),
            message.mandatory ? '1' : '0',
            ...partsFor(message),
          ]).then(
            (result) => {
              finish(answerOf(result, message.pattern))
            },
            (error: unknown) => {
              finish(callFailed(name, error))
            },
          )
        },
        (error) => {
          finish(over ? closed('no') : neverConnected(name, error))
        },
      )
      return () => {
        finish()
        return written ? 'maybe' : 'no'
      }
    },
    close: () => {
      over = true
      for (const abandon of [...pending]) abandon()
    },
  }
}

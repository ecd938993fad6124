import * as O from 'fp-ts/lib/Option.js'
import type { Context } from './context.js'
import { noHeaders } from './envelope.js'

/** A context for calling handlers as plain functions: first attempt, no deadline, no headers, a signal that never fires. */
export function fixtureContext(): Context
/** The same with some fields replaced or added, for instance those of a transport. */
export function fixtureContext<const X extends object>(fields: X): Omit<Context, keyof X> & X
export function fixtureContext(fields: object = {}): Context {
  return {
    transport: 'memory',
    name: 'memory',
    pattern: 'fixture',
    messageId: 'message-1',
    correlationId: 'message-1',
    causationId: O.none,
    headers: noHeaders,
    attempt: 1,
    deadline: O.none,
    signal: new AbortController().signal,
    ...fields,
  }
}

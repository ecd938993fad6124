/** Events and requests, a bounded number at a time, all of them written down. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { Client, SendOptions } from 'taskwire'
import { each } from '../../lib/testing/conformance/emit.js'
import type { Page } from './page.js'
import { pause } from './waiting.js'

/** The event, whose payload is its number, and the request, whose reply is its payload. */
export const patterns = { event: 'work', request: 'ask' } as const

export interface LoadOptions {
  /** The first number; default 0. */
  readonly from?: number
  /** After the last number. */
  readonly to: number
  /** Emits that are under way at once. Default 50. */
  readonly window?: number
  /** Milliseconds that each call has. Default 60,000. */
  readonly timeout?: number
  /** Milliseconds between a call and the next of the same lane. Default 0. */
  readonly pace?: number
  /** Every so many events, a request as well. Default none. */
  readonly requestEvery?: number
  /** Ordering keys. Default 7; 0: no key. */
  readonly keys?: number
}

/** What is written down of a load. */
export type Written = Pick<Page, 'emitted' | 'confirmed' | 'failed' | 'call'>

/** The ordering key of a number. */
export const keyOf = (id: number, keys = 7): string => `key-${id % keys}`

/** Emits one number; whether it was accepted. */
export const emit = async (client: Client, page: Written, id: number, timeout = 60_000, key = keyOf(id)) => {
  page.emitted(id)
  const options = { timeout, messageId: `event-${id}`, ...(key === '' ? {} : { key }) }
  const result = await page.call(timeout, client.emit(patterns.event, id, options))
  if (E.isRight(result)) page.confirmed(id)
  else page.failed(result.left._tag)
  return result
}

/** Sends one request; an answer that is not its own is an error. */
export const ask = async (client: Client, page: Written, n: number, timeout = 60_000, options: SendOptions = {}) => {
  const result = await page.call(timeout, client.send(patterns.request, n, t.number, { ...options, timeout }))
  if (E.isLeft(result)) page.failed(result.left._tag)
  else if (result.right !== n) throw new Error(`the reply to ${n} was ${result.right}`)
  return result
}

/** Emits numbers in order, and resolves when the last has been accepted or refused. */
export const load = (
  client: Client,
  page: Written,
  { from = 0, to, window = 50, timeout = 60_000, pace = 0, requestEvery = 0, keys = 7 }: LoadOptions,
): Promise<void> =>
  each({ from, to, window }, async (id) => {
    await emit(client, page, id, timeout, keys === 0 ? '' : keyOf(id, keys))
    if (requestEvery > 0 && id % requestEvery === 0) await ask(client, page, id, timeout)
    if (pace > 0) await pause(pace)
  })

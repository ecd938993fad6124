import type { Client } from '../../client/client.js'
import type { EmitOptions } from '../../client/options.js'
import { broken } from './expect.js'
import type { History } from './history.js'

/** How many numbers are emitted, and how. */
export interface Stream {
  readonly from?: number
  readonly to: number
  /** Emits that wait for their acceptance at once. Default 500. */
  readonly window?: number
  readonly options?: (id: number) => EmitOptions
}

/** Runs `step` on each number, in order; `window` of them are under way at once. */
export const each = async (
  { from = 0, to, window = 500 }: Pick<Stream, 'from' | 'to' | 'window'>,
  step: (id: number) => Promise<void>,
): Promise<void> => {
  let next = from
  const lane = async (): Promise<void> => {
    while (next < to) await step(next++)
  }
  await Promise.all(Array.from({ length: Math.min(window, to - from) }, lane))
}

/** Emits the numbers as payloads, in order, and writes down those that were accepted; every one of them must be. */
export const emitAll = (client: Client, pattern: string, page: History, stream: Stream): Promise<void> =>
  each(stream, async (id) => {
    page.emitted(id)
    const result = await client.emit(pattern, id, stream.options?.(id))()
    if (result._tag === 'Left') broken(`emit of ${id}: got ${result.left._tag}, expected a Right`)
    page.confirmed(id)
  })

/** What a victim is doing when it dies: the service, and the events it gets. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { createMicroservice, delays, json, type Serde } from 'taskwire'
import type { Line } from '../page.js'

/** Its number, what is to become of it, and how long its handler takes in milliseconds. */
const Order = t.type({
  id: t.number,
  do: t.union([t.literal('handle'), t.literal('retry'), t.literal('fail'), t.literal('mend')]),
  ms: t.number,
  text: t.string,
})

export type Order = t.TypeOf<typeof Order>

/** Text that nobody would write again the same way: what is kept byte for byte can be told from what was encoded anew. */
export const bodyOf = ({ id, do: what, ms }: Omit<Order, 'text'>): string =>
  `{ "id" : ${id},\t"do":"${what}", "ms": ${ms}, "text":"\\u00fc \\u2028 ${String.fromCodePoint(0x1f600)}" }`

/** Sends text as it is. */
export const verbatim: Serde = { ...json, serialize: (value) => E.right(String(value)) }

export const headers = { 'X-Kopf': 'ü', empty: '' }

export interface Doing {
  /** Who handles, in the history. */
  readonly by: string
  readonly note: (line: Line) => void
  /** Something has its last outcome. */
  readonly ended?: (id: number) => void
  /** What is to be mended can be handled now. */
  readonly mended?: boolean
  /** Milliseconds before a retry, at most. */
  readonly delayMs: number
}

export const patternOf = (name: string): string => `work-${name}`

/** The service of one run; each run has a name of its own, and so all that it has of the broker. */
export const service = (name: string, { by, note, ended = () => undefined, mended = false, delayMs }: Doing) =>
  createMicroservice(name, {
    retry: delays(delayMs),
    classify: (error) => (error === 'again' ? 'retryable' : 'permanent'),
  }).onEvent(
    patternOf(name),
    Order,
    ({ id, do: what, ms }, { attempt }) =>
      async (): Promise<Either<'again' | 'never', void>> => {
        note({ what: 'started', id, by, attempt, at: Date.now() })
        if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
        if (what === 'retry' && attempt === 1) return E.left('again')
        if (what === 'handle' || what === 'retry' || (what === 'mend' && mended)) note({ what: 'handled', id, by })
        ended(id)
        return what === 'fail' || (what === 'mend' && !mended) ? E.left('never') : E.right(undefined)
      },
  )

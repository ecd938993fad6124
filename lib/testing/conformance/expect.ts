/** What a case says when a guarantee is broken: a plain Error with a sentence. */
import { isDeepStrictEqual } from 'node:util'
import { realClock } from '../../core/clock.js'

const shown = (value: unknown): string => {
  let text: string
  try {
    text =
      JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? String(value)
  } catch {
    text = typeof value
  }
  return text.length > 300 ? `${text.slice(0, 297)}...` : text
}

/** The guarantee is broken. */
export const broken = (message: string): never => {
  throw new Error(message)
}

/** `message` says what is wrong when `ok` is false. */
export function check(ok: boolean, message: string): asserts ok {
  if (!ok) broken(message)
}

/** Both are equal in depth. */
export const same = (what: string, actual: unknown, expected: unknown): void => {
  check(isDeepStrictEqual(actual, expected), `${what}: got ${shown(actual)}, expected ${shown(expected)}`)
}

/** The tag of a result that must be a Left; its error is looked at by `more`. */
export const left = (
  what: string,
  result: { readonly _tag: 'Left'; readonly left: { readonly _tag: string } } | { readonly _tag: 'Right' },
  ...tags: ReadonlyArray<string>
): void => {
  const tag = result._tag === 'Left' ? result.left._tag : 'Right'
  check(tags.includes(tag), `${what}: got ${tag}, expected ${tags.join(' or ')}`)
}

/** The value of a result that must be a Right. */
export const right = <A>(
  what: string,
  result: { readonly _tag: 'Left'; readonly left: unknown } | { readonly _tag: 'Right'; readonly right: A },
): A => (result._tag === 'Right' ? result.right : broken(`${what}: got ${shown(result.left)}, expected a Right`))

/** Waits for a moment. Only to look again, or to be busy: never as a proof that something has happened. */
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    realClock.after(ms, resolve)
  })

/** A turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A few turns: handles that were closed are gone after two. */
export const turns = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await turn()
}

/** What `work` resolves with, or an error once `ms` are over. */
export const within = <A>(ms: number, what: string, work: Promise<A>): Promise<A> => {
  let forget = (): void => undefined
  const late = new Promise<never>((_, reject) => {
    forget = realClock.after(ms, () => {
      reject(new Error(`${what}: nothing within ${ms} ms`))
    })
  })
  return Promise.race([work, late]).finally(() => {
    forget()
  })
}

/** Looks again and again until the test passes, for at most `ms`; `what` may tell how far it got. */
export const eventually = async (ms: number, what: string | (() => string), test: () => boolean): Promise<void> => {
  const end = realClock.now() + ms
  for (let looks = 0; !test(); looks++) {
    if (realClock.now() > end) broken(`${typeof what === 'string' ? what : what()}: not within ${ms} ms`)
    if (looks < 50) await turn()
    else await pause(2)
  }
}

/** A door that handlers wait at. */
export interface Gate {
  readonly passed: Promise<void>
  readonly open: () => void
}

/** A closed door. */
export const gate = (): Gate => {
  let open = (): void => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return {
    passed,
    open: () => {
      open()
    },
  }
}

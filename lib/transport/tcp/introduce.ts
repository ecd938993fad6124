/** How a client says hello. */
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { Task } from 'fp-ts/lib/Task.js'
import { encodeHello } from './control.js'
import type { Parts } from './control.js'
import { reasonOf } from './failing.js'
import { protocolVersion } from './frame.js'
import { maxText, metaKey } from './key.js'

const most = maxText[metaKey.token] ?? 0

/**
 * Runs the task of a token, where there is one, and `got`; `failed` says why there is no token, never what it is, or
 * what `got` threw, and later, when whoever called has returned.
 */
export const credentials = (
  token: Task<string> | undefined,
  got: (token: Option<string>) => void,
  failed: (reason: string, cause: unknown) => void,
): void => {
  const use = (found: Option<string>): void => {
    try {
      got(found)
    } catch (cause) {
      queueMicrotask(() => {
        failed(reasonOf(cause), cause)
      })
    }
  }
  const run = async (task: Task<string>): Promise<void> => {
    try {
      const text = await task()
      if (Buffer.byteLength(text) > most) failed(`a token has at most ${String(most)} bytes`, undefined)
      else use(O.some(text))
    } catch (cause) {
      failed('the token could not be had', cause)
    }
  }
  if (token === undefined) use(O.none)
  else void run(token)
}

/** The HELLO of a client that takes frames of `maxFrame`. */
export const helloOf = (clientId: string, token: Option<string>, maxFrame: number): Parts =>
  encodeHello({ minVersion: protocolVersion, maxVersion: protocolVersion, clientId, token, maxFrame })

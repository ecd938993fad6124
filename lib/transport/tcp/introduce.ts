/** How a client says hello. */
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { Task } from 'fp-ts/lib/Task.js'
import { encodeHello } from './control.js'
import type { Parts } from './control.js'
import { protocolVersion } from './frame.js'
import { maxText, metaKey } from './key.js'

const most = maxText[metaKey.token] ?? 0

/**
 * Runs the task of a token, where there is one; `failed` says why there is no token, never what it is. At least one
 * tick later when it fails.
 */
export const credentials = (
  token: Task<string> | undefined,
  got: (token: Option<string>) => void,
  failed: (reason: string, cause: unknown) => void,
): void => {
  if (token === undefined) return got(O.none)
  const run = async (): Promise<void> => {
    try {
      const text = await token()
      if (Buffer.byteLength(text) > most) failed(`a token has at most ${String(most)} bytes`, undefined)
      else got(O.some(text))
    } catch (cause) {
      failed('the token could not be had', cause)
    }
  }
  void run()
}

/** The HELLO of a client that takes frames of `maxFrame`. */
export const helloOf = (clientId: string, token: Option<string>, maxFrame: number): Parts =>
  encodeHello({ minVersion: protocolVersion, maxVersion: protocolVersion, clientId, token, maxFrame })

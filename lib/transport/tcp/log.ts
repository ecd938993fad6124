/** What a server says about its connections: bounded, and one line each whatever a peer has written. */
import type { Clock } from '../../core/clock.js'

/** Text that others have written, as a part of one line: without control and format characters, and not long. */
export const plain = (text: string, most = 200): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ').slice(0, most)

export interface Log {
  readonly line: (text: string) => void
  /** Says how many lines were left out since the last one. */
  readonly end: () => void
}

const longest = 500

/** At most a line a second: a thousand hostile connections must not fill a disk. */
export const throttled = (name: string, clock: Clock, write: (line: string) => void): Log => {
  let left = 0
  let logged = -Infinity
  return {
    line: (text) => {
      const now = clock.now()
      if (now - logged < 1_000) {
        left += 1
        return
      }
      const line = plain(text, longest)
      write(left === 0 ? line : `${line} (and ${String(left)} more)`)
      left = 0
      logged = now
    },
    end: () => {
      if (left > 0) write(`${name}: ${String(left)} more lines were left out of the log`)
      left = 0
    },
  }
}

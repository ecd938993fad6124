/** Scripts, as Redis remembers them, and what commands are made of. */
import { createHash } from 'node:crypto'

/** A script, and the name under which Redis remembers it. */
export interface Script {
  readonly text: string
  readonly sha: string
}

/** A script of this text. */
export const script = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') })

/** What goes as a part of a command. */
export type Part = string | Buffer | number

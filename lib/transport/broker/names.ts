/**
 * Names of patterns and services on brokers whose names hold few characters. Injective, and documented in
 * `docs/names.md`, so that programs in other languages find the same destinations.
 */
import { createHash } from 'node:crypto'

const kept = /[A-Za-z0-9]/
const hexadecimal = /^[0-9A-F]{2}/

const escaped = (character: string): string =>
  [...new TextEncoder().encode(character)]
    .map((byte) => `-${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('')

/**
 * Text as a name of ASCII letters, digits, `.` and `-`. Every other byte of its UTF-8 becomes `-` and two upper-case
 * hexadecimal digits; so does a `.` at the beginning, and a `-` that would read like an escape or that no letter or
 * digit follows. Two texts never share a name, and no name holds `--`, `_` or `:`, which are left for what is derived
 * from names.
 */
export const nameOf = (text: string): string => {
  let name = ''
  let at = 0
  for (const character of text) {
    const rest = text.slice(at + character.length)
    const plain =
      kept.test(character) ||
      (character === '.' && at > 0) ||
      (character === '-' && kept.test(rest.charAt(0)) && !hexadecimal.test(rest))
    name += plain ? character : escaped(character)
    at += character.length
  }
  return name
}

/** The text behind a name; `undefined` when `nameOf` does not make this name. */
export const textOf = (name: string): string | undefined => {
  const bytes: Array<number> = []
  for (let at = 0; at < name.length; at++) {
    const escape = name.charAt(at) === '-' ? hexadecimal.exec(name.slice(at + 1))?.[0] : undefined
    bytes.push(escape === undefined ? name.charCodeAt(at) : Number.parseInt(escape, 16))
    if (escape !== undefined) at += 2
  }
  const text = new TextDecoder().decode(Uint8Array.from(bytes))
  return nameOf(text) === name ? text : undefined
}

/** A name within `most` bytes of ASCII: a longer one keeps its beginning, `_`, and 128 bits of its SHA-256. */
export const within = (most: number, name: string): string =>
  name.length <= most
    ? name
    : `${name.slice(0, most - 33)}_${createHash('sha256').update(name).digest('hex').slice(0, 32)}`

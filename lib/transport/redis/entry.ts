/** Entries of streams: the payload as the field `body`, and names and texts beside it. */
import type { Body } from '../../core/settlement.js'
import type { Fields, Writing } from '../broker/attributes.js'
import type { Part } from './wire.js'

/** An entry as it was read. */
export interface Entry {
  readonly id: string
  readonly body: Buffer
  /** Names and values in turn, as they lie in the stream, without the body. */
  readonly rest: ReadonlyArray<Buffer>
  /** The size of that. */
  readonly besideBytes: number
  readonly fields: Fields
}

/** The field that holds the payload. */
export const bodyField = 'body'

/** Fields beyond these are not looked at; our own programs write fewer than a hundred. */
const mostFields = 1_000

/** What may lie beside a body, in bytes: headers have 8 KiB at most. */
export const mostBesideBytes = 65_536

const nothing = Buffer.alloc(0)

/** A body and what lies beside it as parts of a command. n.b. the body comes first: a header may be called `body`. */
export const partsOf = (body: Body, fields: Fields): ReadonlyArray<Part> => {
  const parts: Array<Part> = [bodyField, typeof body === 'string' ? body : bytes(body)]
  for (const name in fields) parts.push(name, fields[name] ?? '')
  return parts
}

const bytes = (body: Uint8Array): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength)

/**
 * Reads an entry. What a foreign program wrote may have any fields: the first `body` is the payload; without one the value
 * of the only field is.
 */
export const entryOf = (id: string, all: ReadonlyArray<Buffer>): Entry => {
  const flat = all.length > 2 * mostFields ? all.slice(0, 2 * mostFields) : all
  // n.b. without a prototype: a field may be called __proto__
  const fields = Object.create(null) as Writing
  if (flat.length === 2) return { id, body: flat[1] ?? nothing, rest: [], besideBytes: 0, fields }
  let body: Buffer | undefined
  const rest: Array<Buffer> = []
  let besideBytes = 0
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i] ?? nothing
    const value = flat[i + 1] ?? nothing
    const text = name.toString()
    if (text === bodyField && body === undefined) body = value
    else {
      rest.push(name, value)
      besideBytes += name.length + value.length
      // n.b. what is too large is not looked at, only kept
      if (besideBytes > mostBesideBytes) continue
      fields[text] = value.toString()
    }
  }
  return { id, body: body ?? nothing, rest, besideBytes, fields }
}

/**
 * An entry as parts of a command: its body, what is added, and what lies beside it but for the fields left out. n.b. what is
 * added comes first: of an entry with too many fields, or too large ones, the last are not looked at.
 */
export const partsWith = (
  { body, rest }: Entry,
  without: (name: string) => boolean,
  added: Fields,
): ReadonlyArray<Part> => {
  const parts: Array<Part> = [bodyField, body]
  for (const name in added) parts.push(name, added[name] ?? '')
  for (let i = 0; i + 1 < rest.length; i += 2) {
    const name = rest[i] ?? nothing
    const text = name.toString()
    if (!without(text) && !Object.hasOwn(added, text)) parts.push(name, rest[i + 1] ?? nothing)
  }
  return parts
}

const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)

const textOf = (value: unknown): string => (Buffer.isBuffer(value) ? value.toString() : '')

const buffersOf = (value: unknown): ReadonlyArray<Buffer> | undefined =>
  isList(value) && value.every((one) => Buffer.isBuffer(one)) ? value : undefined

/** What was read of a stream. Where the fields are missing, the entry was trimmed before it was acknowledged. */
export interface Read {
  readonly stream: string
  readonly id: string
  readonly fields: ReadonlyArray<Buffer> | undefined
}

/** The answer to XREADGROUP. */
export const readOf = (answer: unknown): ReadonlyArray<Read> =>
  (isList(answer) ? answer : []).flatMap((one) => {
    const [stream, entries] = isList(one) ? one : []
    return (isList(entries) ? entries : []).flatMap((entry): ReadonlyArray<Read> => {
      const [id, fields] = isList(entry) ? entry : []
      return id === undefined ? [] : [{ stream: textOf(stream), id: textOf(id), fields: buffersOf(fields) }]
    })
  })

/** What the scripts that take over give. */
export interface Taken {
  readonly taken: ReadonlyArray<{
    readonly id: string
    readonly deliveries: number
    readonly fields: ReadonlyArray<Buffer>
  }>
  /** Ids of entries that were trimmed before they were acknowledged. */
  readonly lost: ReadonlyArray<string>
}

export const takenOf = (answer: unknown): Taken => {
  const [taken, lost] = isList(answer) ? answer : []
  return {
    taken: (isList(taken) ? taken : []).flatMap((one) => {
      const [id, deliveries, fields] = isList(one) ? one : []
      return id === undefined
        ? []
        : [{ id: textOf(id), deliveries: Number(deliveries), fields: buffersOf(fields) ?? [] }]
    }),
    lost: (isList(lost) ? lost : []).map(textOf),
  }
}

const parts = (id: string): readonly [number, number] => {
  const [ms, seq] = id.split('-')
  return [Number(ms), Number(seq)]
}

/** The order of entries in a stream. */
export const inOrder = (a: string, b: string): number => {
  const [ms, seq] = parts(a)
  const [otherMs, otherSeq] = parts(b)
  return ms - otherMs || seq - otherSeq
}

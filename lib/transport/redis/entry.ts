/** Entries of streams: the payload as the field `body`, and names and texts beside it. */
import type { Body } from '../../core/settlement.js'
import { requestHeader } from '../broker/addressed.js'
import { fieldNames, type Fields, type Writing } from '../broker/attributes.js'
import type { Part } from './script.js'

/** An entry as it was read. */
export interface Entry {
  readonly id: string
  readonly body: Buffer
  /** Names and values in turn, as they lie in the stream, without the body. */
  readonly rest: ReadonlyArray<Buffer>
  /** The size of that. */
  readonly besideBytes: number
  /** What is read of it. */
  readonly fields: Fields
}

/** The field that holds the payload. */
export const bodyField = 'body'

/** Fields beyond these are not looked at; our own programs write fewer than a hundred. */
const mostFields = 1_000

/** What may lie beside a body, in bytes: headers have 8 KiB at most. */
export const mostBesideBytes = 65_536

const nothing = Buffer.alloc(0)

/** A name as its bytes, and as a text; `undefined` where nobody reads what stands there. */
interface Known {
  readonly bytes: Buffer
  readonly text: string | undefined
}

const known = (all: ReadonlyArray<string>, read: boolean): ReadonlyArray<Known> =>
  all.map((text) => ({ bytes: Buffer.from(text), text: read ? text : undefined }))

// Our own names, by length. n.b. nearly every field of an entry has one: making texts of names, and of values that nobody
// reads, took a seventh of the time of a service
const names: ReadonlyArray<ReadonlyArray<Known>> = [
  ...known(fieldNames('ce_').read, true),
  ...known(fieldNames('ce_').unread, false),
  ...known([bodyField, requestHeader], true),
].reduce<Array<ReadonlyArray<Known>>>((byLength, one) => {
  const { length } = one.bytes
  while (byLength.length <= length) byLength.push([])
  byLength[length] = [...(byLength[length] ?? []), one]
  return byLength
}, [])

const same = (a: Buffer, b: Buffer): boolean => {
  for (let i = a.length - 1; i >= 0; i--) if (a[i] !== b[i]) return false
  return true
}

const nameOf = (name: Buffer): string | undefined => {
  const alike = names[name.length]
  if (alike !== undefined) for (const one of alike) if (same(one.bytes, name)) return one.text
  return name.toString()
}

/** A body and what lies beside it as parts of a command. n.b. the body comes first: a header may be called `body`. */
export const partsOf = (body: Body, fields: Fields): ReadonlyArray<Part> => {
  const parts: Array<Part> = [bodyField, bodyPart(body)]
  for (const name in fields) parts.push(name, fields[name] ?? '')
  return parts
}

/** A body as a part of a command. */
export const bodyPart = (body: Body): string | Buffer =>
  typeof body === 'string' || Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength)

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
    const text = nameOf(name)
    if (text === bodyField && body === undefined) body = value
    else {
      rest.push(name, value)
      besideBytes += name.length + value.length
      // n.b. what is too large is not looked at, only kept
      if (besideBytes > mostBesideBytes || text === undefined) continue
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

// n.b. where a list stands for fields, all of it is text, which comes as bytes
const buffersOf = (value: unknown): ReadonlyArray<Buffer> | undefined =>
  isList(value) ? (value as ReadonlyArray<Buffer>) : undefined

/** What was read of a stream. Where the fields are missing, the entry was trimmed before it was acknowledged. */
export interface Read {
  readonly stream: string
  readonly id: string
  readonly fields: ReadonlyArray<Buffer> | undefined
}

/** The answer to XREADGROUP. */
export const readOf = (answer: unknown): ReadonlyArray<Read> => {
  const all: Array<Read> = []
  for (const one of isList(answer) ? answer : []) {
    const [name, entries] = isList(one) ? one : []
    const stream = textOf(name)
    for (const entry of isList(entries) ? entries : []) {
      const [id, fields] = isList(entry) ? entry : []
      if (id !== undefined) all.push({ stream, id: textOf(id), fields: buffersOf(fields) })
    }
  }
  return all
}

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

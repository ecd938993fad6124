/** An encoding as closures. What is not of the codec's type goes to io-ts, which throws or does what it does. */
import type * as t from 'io-ts'
import type { Encoding, Part } from './encoding.js'
import { copy, isRecord, merged, stripped } from './objects.js'

export type Encode = (value: unknown) => unknown

const byIoTs = (codec: t.Any, value: unknown): unknown => codec.encode(value) as unknown

const identity: Encode = (value) => value

// n.b. io-ts takes the functions of these off their codecs, and `map` gives them an index, too
const listed = (codec: t.Any, write: Encode | undefined, item: t.Any): Encode => {
  const each = write === undefined ? (item.encode as Encode) : (value: unknown): unknown => write(value)
  return (value) => (Array.isArray(value) ? value.map(each) : byIoTs(codec, value))
}

const tupled =
  (codec: t.Any, writes: ReadonlyArray<Encode>): Encode =>
  (value) =>
    Array.isArray(value) ? writes.map((write, i) => write(value[i])) : byIoTs(codec, value)

const copied = (codec: t.Any, parts: ReadonlyArray<Part>, writes: ReadonlyArray<Encode>): Encode => {
  const encoded = parts.flatMap(({ key, encoding }, i) =>
    encoding._tag === 'Identity' ? [] : [[key, writes[i] as Encode] as const],
  )
  return (value) => {
    if (!isRecord(value)) return byIoTs(codec, value)
    const result = copy(value)
    for (const [key, write] of encoded) result[key] = write(value[key])
    return result
  }
}

const partiallyCopied =
  (codec: t.Any, parts: ReadonlyArray<Part>, writes: ReadonlyArray<Encode>): Encode =>
  (value) => {
    if (!isRecord(value)) return byIoTs(codec, value)
    const result = copy(value)
    parts.forEach(({ key }, i) => {
      const before = value[key]
      if (before !== undefined) result[key] = (writes[i] as Encode)(before)
    })
    return result
  }

const entries = (codec: t.Any, write: Encode): Encode => {
  if (write === identity) return (value) => (isRecord(value) ? value : byIoTs(codec, value))
  return (value) => {
    if (!isRecord(value)) return byIoTs(codec, value)
    const result: Record<string, unknown> = {}
    for (const key of Object.keys(value)) result[key] = write(value[key])
    return result
  }
}

const first =
  (codec: t.Any, parts: ReadonlyArray<Part>, writes: ReadonlyArray<Encode>): Encode =>
  (value) => {
    const index = parts.findIndex((part) => part.codec.is(value))
    return index < 0 ? byIoTs(codec, value) : (writes[index] as Encode)(value)
  }

const chosen =
  ({ codec, tag, groups }: Extract<Encoding, { readonly _tag: 'Chosen' }>, writes: ReadonlyArray<Encode>): Encode =>
  (value) => {
    if (!isRecord(value)) return byIoTs(codec, value)
    const is: unknown = value[tag]
    const index = groups.findIndex((group) => group.indexOf(is) !== -1)
    return index < 0 ? byIoTs(codec, value) : (writes[index] as Encode)(value)
  }

/** Makes the encoder of an encoding. */
export const encoder = (root: Encoding): Encode => {
  const made = new Map<Encoding, Encode>()

  const make = (one: Encoding): Encode => {
    switch (one._tag) {
      case 'Identity':
        return identity
      case 'Listed': {
        const { item } = one
        return listed(one.codec, item.encoding._tag === 'Opaque' ? undefined : writeOf(item.encoding), item.codec)
      }
      case 'Tupled':
        return tupled(one.codec, writes(one.parts))
      case 'Copied':
        return one.partial
          ? partiallyCopied(one.codec, one.parts, writes(one.parts))
          : copied(one.codec, one.parts, one.parts.map(detached))
      case 'Entries':
        return entries(one.codec, writeOf(one.item.encoding))
      case 'Stripped': {
        const write = writeOf(one.of)
        return (value) => (isRecord(value) ? write(stripped(value, one.names)) : byIoTs(one.codec, value))
      }
      case 'First':
        return first(one.codec, one.parts, writes(one.parts))
      case 'Chosen':
        return chosen(one, writes(one.parts))
      case 'Merged': {
        const each = writes(one.parts)
        return (value) =>
          merged(
            value,
            each.map((write) => write(value)),
          )
      }
      case 'Recursive': {
        let write: Encode | undefined
        return (value) => (write ??= writeOf(one.of()))(value)
      }
      case 'Opaque':
        return (value) => byIoTs(one.codec, value)
    }
  }

  // `t.type` calls the functions of its members off their codecs.
  const detached = ({ codec, encoding }: Part): Encode =>
    encoding._tag === 'Opaque' ? codec.encode : writeOf(encoding)
  const writes = (parts: ReadonlyArray<Part>): ReadonlyArray<Encode> => parts.map(({ encoding }) => writeOf(encoding))

  const writeOf = (one: Encoding): Encode => {
    const before = made.get(one)
    if (before !== undefined) return before
    const write = make(one)
    made.set(one, write)
    return write
  }
  return writeOf(root)
}

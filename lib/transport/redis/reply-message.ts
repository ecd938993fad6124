/** A reply as it is published: its fields as one line of JSON, a line feed, the bytes of the body. */
import type { Body } from '../../core/settlement.js'
import type { Fields, Writing } from '../broker/attributes.js'

const lineFeed = 0x0a

/** n.b. JSON text holds no line feed. */
export const pack = (fields: Fields, body: Body): Buffer =>
  Buffer.concat([Buffer.from(`${JSON.stringify(fields)}\n`), typeof body === 'string' ? Buffer.from(body) : body])

/** Whoever can publish can publish anything: what is no reply is `undefined`. */
export const unpack = (message: Buffer): { readonly fields: Fields; readonly body: Buffer } | undefined => {
  const end = message.indexOf(lineFeed)
  // n.b. what stands before is short in ours
  if (end < 0 || end > 4_096) return undefined
  try {
    const parsed: unknown = JSON.parse(message.toString('utf8', 0, end))
    if (typeof parsed !== 'object' || parsed === null) return undefined
    const fields = Object.create(null) as Writing
    for (const [name, value] of Object.entries(parsed)) if (typeof value === 'string') fields[name] = value
    return { fields, body: message.subarray(end + 1) }
  } catch {
    return undefined
  }
}

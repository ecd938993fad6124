import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as O from 'fp-ts/lib/Option.js'
import { failureCode } from '../../../lib/core/envelope.js'
import { reply as answer } from '../../../lib/transport/tcp/answer.js'
import { encodeHello, encodeWelcome } from '../../../lib/transport/tcp/control.js'
import { closeCode, flag, frameType, refusal } from '../../../lib/transport/tcp/frame.js'
import { metaKey } from '../../../lib/transport/tcp/key.js'
import { defaultLimits, frameLimit } from '../../../lib/transport/tcp/limits.js'
import { patternEntries } from '../../../lib/transport/tcp/outgoing.js'
import { slabs, writer, type Writer } from '../../../lib/transport/tcp/writer.js'
import { reply, silentWire } from './support.js'

const page = readFileSync(new URL('../../../docs/tcp-protocol.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/```hex\n([^`]*)```/g)].map(([, block]) =>
  (block ?? '')
    .split('\n')
    .map((line) => (line.split(';')[0] ?? '').replaceAll(' ', ''))
    .join(''),
)

const written = (write: (out: Writer) => void): string => {
  let hex = ''
  const out = writer(
    {
      ...silentWire,
      write: (bytes) => {
        hex += Buffer.from(bytes).toString('hex')
        return true
      },
    },
    slabs(),
    () => undefined,
  )
  write(out)
  out.flush()
  return hex
}

describe('the page of the protocol', () => {
  it('has the very bytes that are written', () => {
    const maxFrame = frameLimit(defaultLimits)
    const hello = encodeHello({ minVersion: 1, maxVersion: 1, clientId: 'c1', token: O.none, maxFrame })
    const limits = { maxInFlight: 256, pingInterval: 15_000, idleTimeout: 0 }
    const welcome = encodeWelcome({ version: 1, serverId: 's1', maxFrame, ...limits })
    const expected = [
      written((out) => {
        out.frame(frameType.hello, 0, 0, hello.meta, -1, undefined, hello.body)
      }),
      written((out) => {
        out.frame(frameType.welcome, 0, 0, welcome.meta, -1, undefined, welcome.body)
      }),
      written((out) => {
        out.frame(frameType.request, 0, 1, patternEntries()('user.get'), 5_000, undefined, '{"id":"7"}')
      }),
      written((out) => {
        answer({ ...out, full: () => false }, 1, reply('{"name":"Ada"}'), 1_000, 1_000)
      }),
    ]
    expect(examples).toEqual(expected)
  })

  it('names every frame, code, key and flag by its number', () => {
    const lines = page.replaceAll(/ +/g, ' ')
    const has = (line: RegExp): void => {
      expect(line.test(lines), String(line)).toBe(true)
    }
    for (const [name, type] of Object.entries(frameType)) {
      const wire = name === 'eventAck' ? 'EVENT_ACK' : name.toUpperCase()
      has(new RegExp(`\\| 0x${type.toString(16).padStart(2, '0')} \\| ${wire} \\|`))
    }
    for (const [name, code] of Object.entries(failureCode)) has(new RegExp(`\\| ${String(code)} \\| ${name} \\|`))
    for (const code of Object.values(refusal)) has(new RegExp(`^\\| ${String(code)} \\| [a-z]`, 'm'))
    for (const code of Object.values(closeCode)) has(new RegExp(`\\| ${String(code)} \\| [a-zH ]+`))
    for (const key of Object.values(metaKey)) has(new RegExp(`^\\| (\\d+, )*${String(key)}(, \\d+)* \\| `, 'm'))
    for (const value of Object.values(flag)) has(new RegExp(`${String(value)} \`[A-Z_]+\``))
  })
})

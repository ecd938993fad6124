/** The library without one rule of its hot path at a time: its own source, with a line or two replaced before it is compiled. */
import type { Patch } from '../shared/build.js'

export interface Variant {
  readonly name: string
  /** What taskwire does. */
  readonly rule: string
  /** What the variant does in its place. */
  readonly instead: string
  readonly patches: ReadonlyArray<Patch>
  /** Its loads, where they are others than those of taskwire. */
  readonly levels?: readonly [string, string, string]
}

/** In flight, on one connection. */
export const levels = ['16', '64', '512'] as const

const at =
  (file: string) =>
  (from: string, to: string): Patch => ({ file: `lib/${file}`, from, to })

const writer = at('transport/tcp/writer.ts')
const slots = at('transport/tcp/slots.ts')
const calls = at('client/calls.ts')
const dispatch = at('core/dispatch.ts')
const over = at('client/over.ts')

const eitherImport = "import * as E from 'fp-ts/lib/Either.js'\n"
/** One operator for each of four stages: decode, handle, encode, answer; or encode, send, wait, decode. */
const staged = `${eitherImport}import * as STAGES from 'fp-ts/lib/TaskEither.js'
const staged = (task: any): any => STAGES.chain(STAGES.right)(STAGES.chain(STAGES.right)(STAGES.chain(() => task)(STAGES.chain(STAGES.right)(STAGES.right(undefined) as any) as any) as any) as any)
`

export const variants: ReadonlyArray<Variant> = [
  {
    name: 'a write per message',
    rule: 'all frames of a tick leave with one write',
    instead: 'a write per frame',
    patches: [writer('const batchFrames = 32', 'const batchFrames = 1')],
  },
  {
    name: 'TE.chain',
    rule: 'stages are plain functions around one promise',
    instead: 'an operator of TaskEither per stage, four on each side',
    patches: [
      dispatch(eitherImport, staged),
      dispatch('(task as Task<unknown>)()', 'staged(task)()'),
      over(eitherImport, staged),
      over(
        `    () =>
      new Promise((resolve) => {
        request(to, payload, third, fourth, resolve)
      })`,
        `    staged(() =>
      new Promise((resolve) => {
        request(to, payload, third, fourth, resolve)
      }))`,
      ),
    ],
  },
  {
    name: 'AbortController',
    rule: 'a signal is made when somebody looks at it',
    instead: 'an AbortController per request, on both sides',
    patches: [
      at('core/context.ts')('context[state] = undefined', 'context[state] = new AbortController()'),
      calls(
        '      bytes += size\n',
        '      bytes += size\n      Object.assign(call, { aborting: new AbortController() })\n',
      ),
    ],
  },
  {
    name: 'no first',
    rule: 'where there are few frames, the first one goes ahead',
    instead: 'all of a tick together',
    patches: [writer('const fewFrames = 18', 'const fewFrames = 0')],
  },
  {
    name: 'no cap',
    rule: 'a write has at most 32 frames or 8 KiB, so that both sides work at once',
    instead: 'one write per tick, however much it is',
    patches: [
      writer('const batchFrames = 32', 'const batchFrames = Infinity'),
      writer('const batchBytes = 8_192', 'const batchBytes = Infinity'),
      writer('const slabBytes = 16_384', 'const slabBytes = 262_144'),
    ],
  },
  {
    name: 'whole reads',
    rule: 'a read is taken 32 frames at a time',
    instead: 'all frames of a read before anything that they set off',
    patches: [at('transport/tcp/channel.ts')('    later,\n', '')],
  },
  {
    name: 'Map',
    rule: 'calls that wait stand in an array, by their id',
    instead: 'in a Map',
    patches: [
      slots(
        'let places: Array<Call | undefined> = Array.from({ length: Math.min(most, firstPlaces) })',
        'const places = new Map<number, Call>()',
      ),
      slots('  let mask = places.length - 1\n', ''),
      slots('places = Array.from({ length: 2 * before.length })\n', ''),
      slots('    mask = places.length - 1\n', ''),
      slots('      if (2 * inFlight >= places.length && places.length < most) grow()\n', ''),
      slots('      while (places[nextId & mask] !== undefined) nextId += 1\n', ''),
      slots('places[id & mask] = call\n', 'places.set(id, call)\n'),
      slots('const call = places[id & mask]\n', 'const call = places.get(id)\n'),
      slots('places[id & mask] = undefined\n', 'places.delete(id)\n'),
      slots('(call) => places[call.id & mask] === call', '(call) => places.get(call.id) === call'),
      slots('places.filter((call) => call !== undefined)', '[...places.values()]'),
    ],
  },
  {
    name: 'stock io-ts',
    rule: 'codecs are compiled',
    instead: 'codecs as io-ts runs them',
    patches: [
      at('core/codec/compile.ts')(
        "export const compileCodec: <C extends Compilable>(codec: C) => C = compileWith('generated')",
        'export const compileCodec = <C,>(codec: C): C => codec',
      ),
    ],
  },
  {
    name: 'UUID',
    rule: 'the id of a request is a number in the header of its frame',
    instead: 'and a UUID in its metadata',
    patches: [
      at('client/message.ts')("(kind === 'publish' || idempotent ? freshId() : undefined)", 'crypto.randomUUID()'),
    ],
  },
  {
    name: 'a timer per call',
    rule: 'one coarse tick for all deadlines',
    instead: 'a timer per call',
    patches: [
      calls(
        '      table.add(call)\n',
        '      table.add(call)\n      Object.assign(call, { timer: setTimeout(() => undefined, message.timeoutMs) })\n',
      ),
      calls('    table.remove(call)\n', '    table.remove(call)\n    clearTimeout((call as any).timer)\n'),
    ],
  },
  {
    name: 'copied frames',
    rule: 'frames are read where they lie',
    instead: 'a copy of each frame',
    patches: [
      at('transport/tcp/parser.ts')(
        'frame(bytes[at + 4] ?? 0, bytes[at + 5] ?? 0, uint32(bytes, at + 8), bytes, at + headerBytes, body, at + size)',
        `const own = Buffer.from(bytes.subarray(at, at + size))
    frame(own[4] ?? 0, own[5] ?? 0, uint32(own, 8), own, headerBytes, body - at, size)`,
      ),
    ],
  },
  {
    name: 'eight connections',
    rule: 'one connection for all calls',
    instead: 'eight, each with an eighth of them',
    patches: [],
    levels: ['8x2', '8x8', '8x64'],
  },
]

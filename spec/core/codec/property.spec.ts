/** CODEC_PAIRS: how many pairs of a codec and a value to try. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileWith, type BackEnd } from '../../../lib/core/codec/compile.js'
import { made, type Calls, type Made } from './codecs.js'
import { dice } from './dice.js'
import { mutated } from './mutations.js'
import { compared, comparedDecoding } from './same.js'

const VALUES = 10
const pairs = Number(process.env['CODEC_PAIRS'] ?? 6_000)

// A member of a union that was refused is asked twice, but about nothing that io-ts does not ask.
const included = (calls: Calls, of: Calls): boolean =>
  calls.every((call) => of.some((one) => compared(undefined, () => one, () => call) === undefined)) // prettier-ignore

// io-ts is asked anew about NaN and about zeros where the other is meant, and calls again what was called.
const givesUp = (value: unknown): boolean =>
  Number.isNaN(value) ||
  value === 0 ||
  (typeof value === 'object' &&
    value !== null &&
    value !== Object.prototype &&
    (givesUp(Object.getPrototypeOf(value)) ||
      Object.values(Object.getOwnPropertyDescriptors(value)).some(
        (one) => one.get !== undefined || givesUp(one.value),
      )))

// io-ts cannot make every codec: a union of types with a literal called `constructor` is too much for it.
const drawn = (make: () => Made): Made | undefined => {
  try {
    return make()
  } catch {
    return undefined
  }
}

// The one liberty: a property is not read where its value makes no difference, so a getter that throws may go unnoticed.
const noted = (difference: string | undefined): string | undefined =>
  difference?.endsWith('Error: from a getter') ? undefined : difference

describe.each<BackEnd>(['generated', 'closures'])('a compiled codec (%s)', (backEnd) => {
  test('is the codec, to anybody who looks at results, references, errors and calls', () => {
    const seen = { Right: 0, Left: 0, thrown: 0 }
    fc.assert(
      fc.property(fc.noShrink(fc.integer()), fc.integer({ min: 0, max: 4 }), (seed, depth) => {
        const d = dice(seed)
        const calls: Calls = []
        const one = drawn(() => made(d, depth, calls))
        if (one === undefined) return
        const { codec, value } = one
        const compiled = compileWith(backEnd)(codec)
        expect(compiled.is).toBe(codec.is)
        for (let i = 0; i < VALUES; i++) {
          const valid = value(d)
          const input = d.chance(60) ? mutated(valid, d) : valid
          const at = `${codec.name} at ${i}`

          let before: Calls = []
          let result: ReturnType<typeof codec.decode> | undefined
          calls.length = 0
          const found = comparedDecoding(
            input,
            () => {
              result = codec.decode(input)
              return result
            },
            () => {
              before = calls.splice(0)
              return compiled.decode(input)
            },
          )
          expect([at, noted(found)]).toEqual([at, undefined])
          seen[result?._tag ?? 'thrown']++
          if (result?._tag === 'Right' && !givesUp(input))
            expect([at, included(calls, before) ? [] : [before, calls.slice()]]).toEqual([at, []])

          const context = [{ key: 'k', type: codec, actual: input }]
          const validated = comparedDecoding(input, () => codec.validate(input, context), () => compiled.validate(input, context)) // prettier-ignore
          expect([at, noted(validated)]).toEqual([at, undefined])

          const decoded = result?._tag === 'Right' ? [result.right as unknown] : []
          for (const one of [...decoded, input]) {
            const encoded = compared(one, () => codec.encode(one), () => compiled.encode(one)) // prettier-ignore
            expect([`encode ${at}`, noted(encoded)]).toEqual([`encode ${at}`, undefined])
          }
        }
      }),
      {
        numRuns: Math.ceil(pairs / VALUES),
        ...(process.env['CODEC_SEED'] ? { seed: Number(process.env['CODEC_SEED']) } : {}),
      },
    )
    // Neither side is empty.
    expect(Math.min(seen.Right, seen.Left)).toBeGreaterThan(pairs / 10)
    if (process.env['CODEC_PAIRS']) process.stderr.write(`${backEnd}: ${JSON.stringify(seen)}\n`)
  }, 600_000)
})

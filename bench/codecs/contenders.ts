/** What is measured: each contender, made for one payload, as a function of one of its values that answers whether it was right. */
import type * as t from 'io-ts'
import { compileCodec } from 'taskwire'
import type { Payload } from './payloads.js'
import { ioTs, type Kind, type Shape } from './shape.js'

export type Operation = 'decode' | 'encode'

export interface Contender {
  readonly name: string
  readonly operation: Operation
  /** The source of an expression in `f` and `input` that is true where all went well. */
  readonly check: string
  readonly f: (input: never) => unknown
  readonly inputs: ReadonlyArray<unknown>
}

const right = 'f(input)._tag === "Right"'
const passed = 'f(input) === true'
const something = 'f(input) !== undefined'

/** `peers.mjs`. */
export type Peers = Readonly<
  Record<'ajv' | 'typebox' | 'zod', (shape: Shape, exact: boolean) => (value: unknown) => unknown>
>

/** As where a policy forbids to generate code. */
const withoutGeneration = (run: () => unknown): void => {
  const { Function: original } = globalThis
  const forbidden = function (): never {
    throw new EvalError('forbidden')
  }
  globalThis.Function = Object.assign(forbidden, { prototype: original.prototype }) as unknown as FunctionConstructor
  run()
  globalThis.Function = original
}

/** n.b. ajv removes from the value itself, so each has values of its own. */
export const contenders = ({ shape, texts }: Payload, kind: Kind, peers: Peers): ReadonlyArray<Contender> => {
  const values = (): ReadonlyArray<unknown> => texts.map((text): unknown => JSON.parse(text))
  const decode = (name: string, check: string, f: (value: never) => unknown, inputs = values()): Contender => ({
    name,
    operation: 'decode',
    check,
    f,
    inputs,
  })
  const encode = (name: string, codec: t.Any): Contender => ({
    name,
    operation: 'encode',
    check: something,
    f: codec.encode as (value: never) => unknown,
    inputs: values(),
  })

  const stock = ioTs(kind)(shape)
  const generated = compileCodec(stock)
  const closures = compileCodec(stock)
  withoutGeneration(() => closures.decode(values()[0]))
  const peer = (name: keyof Peers): Contender => decode(name, passed, peers[name](shape, kind === 'exact'))
  return [
    decode('io-ts', right, (value) => stock.decode(value)),
    decode('taskwire (generated)', right, (value) => generated.decode(value)),
    decode('taskwire (closures)', right, (value) => closures.decode(value)),
    peer('ajv'),
    peer('typebox'),
    peer('zod'),
    decode('JSON.parse', something, (text: string) => JSON.parse(text) as unknown, texts),
    encode('io-ts', stock),
    encode('taskwire (generated)', generated),
    encode('taskwire (closures)', closures),
  ]
}

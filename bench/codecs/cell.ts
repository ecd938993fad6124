/** One payload and one kind, in a process of its own: what one codec teaches V8 does not slow down another. */
import { contenders, type Contender, type Operation, type Peers } from './contenders.js'
import { payloads } from './payloads.js'
import type { Kind } from './shape.js'

/** Nanoseconds per value of one contender in one round. */
export interface Sample {
  readonly name: string
  readonly operation: Operation
  readonly round: number
  readonly ns: number
}

export interface CellSettings {
  /** The module of the peers. */
  readonly peers: string
  readonly payload: string
  readonly kind: Kind
  readonly rounds: number
  readonly cellMs: number
  readonly warmUpMs: number
}

/** Runs a contender so many times and answers how often it was right. */
type Loop = (f: Contender['f'], inputs: Contender['inputs'], times: number) => number

// Of source, so that each contender has a loop of its own for V8 to fit to it.
const loopOf = ({ check }: Contender): Loop =>
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- see above
  new Function(
    'f',
    'inputs',
    'times',
    `let right = 0
    for (let i = 0; i < times; i++) { const input = inputs[i & 63]; if (${check}) right++ }
    return right`,
  ) as Loop

const runner = (contender: Contender): ((ms: number) => number) => {
  const loop = loopOf(contender)
  let batch = 64
  return (ms) => {
    const start = performance.now()
    let times = 0
    let now = start
    while (now - start < ms) {
      if (loop(contender.f, contender.inputs, batch) !== batch) throw new Error(`${contender.name} failed`)
      times += batch
      const before = now
      now = performance.now()
      if (now - before < 1) batch *= 2
    }
    return ((now - start) * 1e6) / times
  }
}

const settings = JSON.parse(process.argv[2] ?? '') as CellSettings
const payload = payloads.find(({ name }) => name === settings.payload)
if (payload === undefined) throw new Error(`no payload ${settings.payload}`)

const peers = (await import(settings.peers)) as Peers
const all = contenders(payload, settings.kind, peers).map((contender) => ({ contender, run: runner(contender) }))
for (const { run } of all) run(settings.warmUpMs)
const samples: Array<Sample> = []
for (let round = 0; round < settings.rounds; round++)
  // Each round starts with another contender.
  all.forEach((_, turn) => {
    const { contender, run } = all[(round + turn) % all.length]!
    samples.push({ name: contender.name, operation: contender.operation, round, ns: run(settings.cellMs) })
  })
process.send?.({ samples, cpu: process.cpuUsage() })

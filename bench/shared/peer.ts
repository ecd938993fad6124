/**
 * One measured process: the server or the client of one contender. `pair.ts` forks it as `peer.js server|client PART`
 * and sends commands over IPC; it ends when that channel closes.
 */
import { checkOf, type Contenders } from './contender.js'
import { publish, type Published, tally } from './events.js'
import { cpuUs, type Load, prime, run } from './load.js'

/** What both processes of a contender are told. */
export interface Part {
  /** The URL of a module that is a `Contenders`. */
  readonly contenders: string
  /** The URL of nestjs.mjs. */
  readonly nestjs: string
  readonly name: string
  readonly place: unknown
}

/** `cpu` is for both sides, `expect` and `handled` for the server, the others for the client. */
export type Command =
  | { readonly _tag: 'cpu' }
  | { readonly _tag: 'prime'; readonly ms: number }
  | { readonly _tag: 'run'; readonly inFlight: number; readonly ms: number }
  | { readonly _tag: 'publish'; readonly from: number; readonly count: number; readonly window: number }
  | { readonly _tag: 'expect'; readonly from: number; readonly count: number }
  | { readonly _tag: 'handled'; readonly ms: number }

export type Answer =
  | { readonly _tag: 'ready' }
  | { readonly _tag: 'cpu'; readonly us: number }
  | { readonly _tag: 'load'; readonly load: Load }
  | ({ readonly _tag: 'published' } & Published)
  | { readonly _tag: 'handled'; readonly at: number; readonly missing: number }
  | { readonly _tag: 'failed'; readonly message: string }

const answer = (value: Answer): void => void process.send?.(value)

const fail = (error: unknown): void =>
  answer({ _tag: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })

process.on('disconnect', () => process.exit(0))
process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)

const [role, text = '{}'] = process.argv.slice(2)
const { contenders, nestjs, name, place } = JSON.parse(text) as Part
const { load } = (await import(contenders)) as Contenders<unknown>
const contender = await load(name, place, nestjs)
const check = checkOf(name)

const server = async (): Promise<(command: Command) => Promise<Answer>> => {
  const events = tally()
  await contender.serve(place, check, events.handled)
  return async (command) => {
    switch (command._tag) {
      case 'cpu':
        return { _tag: 'cpu', us: cpuUs() }
      case 'expect':
        events.expect(command.from, command.count)
        return { _tag: 'ready' }
      case 'handled':
        return { _tag: 'handled', ...(await events.all(command.ms)) }
      default:
        throw new Error(`${command._tag} is not for a server`)
    }
  }
}

const client = async (): Promise<(command: Command) => Promise<Answer>> => {
  const { call, emit } = await contender.connect(place, check)
  return async (command) => {
    switch (command._tag) {
      case 'cpu':
        return { _tag: 'cpu', us: cpuUs() }
      case 'prime':
        await prime(call, command.ms)
        return { _tag: 'ready' }
      case 'run':
        return { _tag: 'load', load: await run(call, command.inFlight, command.ms) }
      case 'publish':
        if (emit === undefined) throw new Error(`${name} has no events`)
        return { _tag: 'published', ...(await publish(emit, command.from, command.count, command.window)) }
      default:
        throw new Error(`${command._tag} is not for a client`)
    }
  }
}

const respond = await (role === 'server' ? server() : client())
process.on('message', (command: Command) => void respond(command).then(answer, fail))
answer({ _tag: 'ready' })

/**
 * One measured process: the server or the client of one contender. `main.ts` forks it as
 * `peer.js server|client CONTENDER NESTJS_URL PORT` and sends commands over IPC; it ends when that channel closes.
 */
import { checkOf, isName, load } from './contender.js'
import { cpuUs, type Load, run } from './load.js'

/** `cpu` answers with the process' CPU time so far, `run` with the load's figures. */
export type Command =
  { readonly _tag: 'cpu' } | { readonly _tag: 'run'; readonly inFlight: number; readonly ms: number }

export type Answer =
  | { readonly _tag: 'ready' }
  | { readonly _tag: 'cpu'; readonly us: number }
  | { readonly _tag: 'load'; readonly load: Load }
  | { readonly _tag: 'failed'; readonly message: string }

const answer = (value: Answer): void => void process.send?.(value)

const fail = (error: unknown): void =>
  answer({ _tag: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })

process.on('disconnect', () => process.exit(0))
process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)

const [role, name = '', nestjs = '', portText] = process.argv.slice(2)
const port = Number(portText)
if (!isName(name)) throw new Error(`no contender ${name}`)

const contender = await load(name, nestjs)
const check = checkOf(name)

if (role === 'server') {
  await contender.serve(port, check)
  process.on('message', () => answer({ _tag: 'cpu', us: cpuUs() }))
} else {
  const call = await contender.connect(port, check)
  process.on('message', (command: Command) => {
    if (command._tag === 'cpu') return answer({ _tag: 'cpu', us: cpuUs() })
    run(call, command.inFlight, command.ms).then((result) => answer({ _tag: 'load', load: result }), fail)
  })
}
answer({ _tag: 'ready' })

/** Processes that end with this one. */
import { spawn } from 'node:child_process'
import { program } from './program.js'

/** A program, its arguments and all of its environment. */
export interface Command {
  readonly file: string
  readonly args: ReadonlyArray<string>
  readonly env?: NodeJS.ProcessEnv
}

/** A process that was started. */
export interface Child {
  readonly pid: number
  readonly signal: (signal: NodeJS.Signals) => void
  readonly running: () => boolean
  /** Its exit code, or null when a signal ended it. Never rejects. */
  readonly ended: Promise<number | null>
  /** The end of what it printed. */
  readonly output: () => string
}

const kept = 20_000

/** Where there is `setpriv`, on Linux, the kernel kills it with this process, also when this one is killed. */
const bound = ({ file, args }: Command): readonly [string, ReadonlyArray<string>] => {
  const setpriv = program('setpriv')
  return setpriv === undefined ? [file, args] : [setpriv, ['--pdeathsig', 'KILL', file, ...args]]
}

/** Starts a process. */
export const start = (command: Command): Child => {
  const [file, args] = bound(command)
  const child = spawn(file, args, { env: command.env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  const print = (chunk: string): void => void (printed = `${printed}${chunk}`.slice(-kept))
  child.stdout.setEncoding('utf8').on('data', print)
  child.stderr.setEncoding('utf8').on('data', print)
  let running = true
  const ended = new Promise<number | null>((resolve) => {
    const end = (code: number | null): void => {
      running = false
      resolve(code)
    }
    child.on('exit', end)
    child.on('error', (error) => {
      print(`${error.message}\n`)
      if (child.pid === undefined) end(null)
    })
  })
  return {
    pid: child.pid ?? 0,
    signal: (signal) => {
      if (running) child.kill(signal)
    },
    running: () => running,
    ended,
    output: () => printed,
  }
}

/** Runs a program to its end and gives what it printed; rejects with that when it fails. */
export const run = async (command: Command): Promise<string> => {
  const child = start(command)
  const code = await child.ended
  if (code === 0) return child.output()
  throw new Error(`${command.file} ${command.args.join(' ')} ended with ${code}\n${child.output()}`)
}

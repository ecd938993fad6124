/** One process of a contender, and the promise that it never outlives the benchmark. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Answer, Part } from './commands.js'

export interface Started {
  /** The folder of the compiled code. */
  readonly build: string
  /** Node options of the process; none by default. */
  readonly execArgv?: ReadonlyArray<string>
}

const ANSWER_MS = 90_000

const started = new Set<ChildProcess>()

/** For `exit` handlers: takes every process down at once. */
export const killAll = (): void => started.forEach((child) => child.kill('SIGKILL'))

/** A child process with one question open at a time; a failure or an exit at any moment fails what is asked. */
export interface Process {
  readonly child: ChildProcess
  readonly answer: () => Promise<Answer>
  readonly broken: Promise<never>
}

export const start = async (role: 'server' | 'client', part: Part, options: Started): Promise<Process> => {
  const args = [role, JSON.stringify(part)]
  const child = fork(join(options.build, 'shared', 'peer.js'), args, {
    execArgv: [...(options.execArgv ?? [])],
    // What a contender logs must not stand in the report.
    stdio: ['ignore', 2, 2, 'ipc'],
  })
  started.add(child)
  const broken = new Promise<never>((_, reject) => {
    child.on('message', (answer: Answer) => {
      if (answer._tag === 'failed') reject(new Error(`${part.name} ${role}: ${answer.message}`))
    })
    child.on('exit', (code) => {
      started.delete(child)
      reject(new Error(`${part.name} ${role} exited with ${code ?? 'a signal'}`))
    })
  })
  broken.catch(() => undefined)

  const answer = async (): Promise<Answer> => {
    const limit = AbortSignal.timeout(ANSWER_MS)
    const message = once(child, 'message', { signal: limit }).then(([value]) => value as Answer)
    return Promise.race([message, broken])
  }
  await answer()
  return { child, answer, broken }
}

/** Lets it exit by itself; kills it after 10 s. */
export const leave = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  child.disconnect()
  await exited
  clearTimeout(timer)
}

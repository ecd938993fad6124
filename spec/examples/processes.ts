/** Examples as processes of their own. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly out: ReadonlyArray<string>
  readonly err: ReadonlyArray<string>
}

export interface Program {
  readonly pid: number
  /** Resolves with the first match in what it prints; rejects when it ends before. */
  readonly prints: (pattern: RegExp) => Promise<RegExpExecArray>
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ended: Promise<Ended>
}

const lines = (text: string): ReadonlyArray<string> => text.split('\n').filter((line) => line !== '')

/** Runs `examples/<path>` as `tsx` runs it. */
export const program = (path: string, args: ReadonlyArray<string> = [], env: NodeJS.ProcessEnv = {}): Program => {
  const file = fileURLToPath(new URL(`../../examples/${path}`, import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk
    waiting.forEach((look) => look())
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out: lines(out), err: lines(err) }))
  })
  return {
    pid: child.pid ?? 0,
    prints: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(out)
          if (found === null) return
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
        void ended.then(() => reject(new Error(`${path} ended without printing ${pattern}\n${out}${err}`)))
      }),
    kill: (signal) => child.kill(signal),
    ended,
  }
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Whether a process is gone, now or within 5 s. */
export const gone = async (pid: number): Promise<boolean> => {
  for (let waited = 0; alive(pid) && waited < 5_000; waited += 20) await new Promise((done) => setTimeout(done, 20))
  return !alive(pid)
}

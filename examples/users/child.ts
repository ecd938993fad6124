/** The service's process, as the gateway sees it: started, ready at an address, and ended again. */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import type { Address } from 'taskwire'
import type { Kind } from './transports.js'

export interface Child {
  /** `null` where it listens on a broker. */
  readonly address: Address | null
  readonly process: ChildProcess
  /** Resolves when the process is gone and everything it printed has arrived. */
  readonly gone: Promise<unknown>
}

const Ready = t.strict({ address: t.union([t.strict({ host: t.string, port: t.number }), t.null]) })

const relay = (child: ChildProcess, say: (line: string) => void): void => {
  let rest = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    lines.forEach((line) => say(`[users] ${line}`))
  })
}

/** Starts the service and waits, for at most 40 s, until it is ready. */
export const startUsers =
  (kind: Kind, say: (line: string) => void): TaskEither<string, Child> =>
  () =>
    new Promise((resolve) => {
      const path = fileURLToPath(new URL('./server.ts', import.meta.url))
      const child = fork(path, ['--transport', kind], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
      const gone = new Promise((done) => child.once('close', done))
      relay(child, say)
      // n.b. only the first call of `resolve` counts
      const fail = (why: string): void => {
        clearTimeout(timer)
        child.kill('SIGKILL')
        resolve(E.left(why))
      }
      const timer = setTimeout(() => fail('the users service did not start within 40 s'), 40_000)
      child.on('error', ({ message }) => fail(`the users service: ${message}`))
      void gone.then(() => fail('the users service ended before it was ready'))
      child.once('message', (message) => {
        const ready = Ready.decode(message)
        if (ready._tag === 'Left') {
          fail('the users service did not say where it listens')
          return
        }
        clearTimeout(timer)
        resolve(E.right({ address: ready.right.address, process: child, gone }))
      })
    })

/** Ends the service with SIGTERM and waits until its process is gone; after 5 s it is killed. */
export const stopUsers =
  ({ process: child, gone }: Child): TaskEither<string, void> =>
  async () => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await gone
    clearTimeout(timer)
    return child.exitCode === 0
      ? E.right(undefined)
      : E.left(`the users service ended with ${child.signalCode ?? `code ${String(child.exitCode)}`}`)
  }

/** A contender's two processes, and the promise that they never outlive the benchmark. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Name } from './contender.js'
import type { Answer, Command } from './peer.js'

/** The figures of one contender at one level in one round. */
export interface Cell {
  readonly rate: number
  readonly p50Us: number
  readonly p99Us: number
  /** Client and server together, microseconds per request. */
  readonly cpuUs: number
}

export interface Pair {
  readonly name: Name
  readonly pids: Readonly<Record<'server' | 'client', number | undefined>>
  readonly measure: (inFlight: number, ms: number) => Promise<Cell>
  /** CPU time of both processes since they started, microseconds. */
  readonly cpu: () => Promise<number>
  /** Lets both exit by themselves, so that they write what they have to; kills them after 10 s. */
  readonly stop: () => Promise<void>
}

export interface Options {
  readonly build: string
  readonly nestjs: string
  /** Node options of the two processes; none by default. */
  readonly execArgv?: ReadonlyArray<string>
}

const ANSWER_MS = 60_000

const started = new Set<ChildProcess>()

/** For `exit` handlers: takes every process down at once. */
export const killAll = (): void => started.forEach((child) => child.kill('SIGKILL'))

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

/** A child process with one question open at a time; a failure or an exit at any moment fails what is asked. */
interface Process {
  readonly child: ChildProcess
  readonly answer: () => Promise<Answer>
  readonly broken: Promise<never>
}

const start = async (role: string, name: Name, port: number, options: Options): Promise<Process> => {
  const args = [role, name, options.nestjs, String(port)]
  const child = fork(join(options.build, 'tcp', 'peer.js'), args, { execArgv: [...(options.execArgv ?? [])] })
  started.add(child)
  const broken = new Promise<never>((_, reject) => {
    child.on('message', (answer: Answer) => {
      if (answer._tag === 'failed') reject(new Error(`${name} ${role}: ${answer.message}`))
    })
    child.on('exit', (code) => {
      started.delete(child)
      reject(new Error(`${name} ${role} exited with ${code ?? 'a signal'}`))
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

const leave = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  child.disconnect()
  await exited
  clearTimeout(timer)
}

export const startPair = async (name: Name, options: Options): Promise<Pair> => {
  const port = await freePort()
  const server = await start('server', name, port, options)
  const client = await start('client', name, port, options)

  const ask = (peer: Process, command: Command): Promise<Answer> => {
    const answer = Promise.race([peer.answer(), server.broken, client.broken])
    peer.child.send(command)
    return answer
  }
  const cpuOf = async (peer: Process): Promise<number> => {
    const answer = await ask(peer, { _tag: 'cpu' })
    return answer._tag === 'cpu' ? answer.us : NaN
  }

  return {
    name,
    pids: { server: server.child.pid, client: client.child.pid },
    measure: async (inFlight, ms) => {
      const before = await cpuOf(server)
      const answer = await ask(client, { _tag: 'run', inFlight, ms })
      const after = await cpuOf(server)
      if (answer._tag !== 'load') throw new Error(`${name}: unexpected answer ${answer._tag}`)
      const { requests, seconds, p50Us, p99Us, cpuUs } = answer.load
      return { rate: requests / seconds, p50Us, p99Us, cpuUs: (cpuUs + after - before) / requests }
    },
    cpu: async () => (await cpuOf(server)) + (await cpuOf(client)),
    stop: async () => {
      await leave(client.child)
      await leave(server.child)
    },
  }
}

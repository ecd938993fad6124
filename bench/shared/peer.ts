/**
 * One measured process: the server or the client of one contender. `pair.ts` forks it as `peer.js server|client PART`
 * and sends commands over IPC; it ends when that channel closes.
 */
import { client } from './client.js'
import type { Answer, ClientCommand, Part, ServerCommand } from './commands.js'
import type { Contenders } from './contender.js'
import { server } from './server.js'

const answer = (value: Answer): void => void process.send?.(value)

const fail = (error: unknown): void =>
  answer({ _tag: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })

process.on('disconnect', () => process.exit(0))
process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)

const [role, text = '{}'] = process.argv.slice(2)
const part = JSON.parse(text) as Part
const { load } = (await import(part.contenders)) as Contenders<unknown>
const contender = await load(part.name, part.place, part.peers)

const obey = <Command>(respond: (command: Command) => Promise<Answer>): void =>
  void process.on('message', (command: Command) => void respond(command).then(answer, fail))

if (role === 'server') obey<ServerCommand>(await server(contender, part))
else obey<ClientCommand>(await client(contender, part))
answer({ _tag: 'ready' })

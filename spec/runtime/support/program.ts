/** A service as a program of its own. Says `ready` on stdout, and what its handler does; the first argument says how it behaves. */
import type { Either } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice, createClient, runMain, type Environment } from 'taskwire'
import { memory } from 'taskwire/memory'

const [, , how = 'idle'] = process.argv
const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
const bus = memory()
const busyFor = { idle: 0, busy: 300, hangs: 3_600_000, clings: 3_600_000 }[how] ?? 0

// Takes its time to connect, or never does.
const slow = (environment: Environment) => () => {
  say('connecting')
  return new Promise((resolve) => setTimeout(resolve, 200)).then(bus.connect(environment))
}
const connect: typeof bus.connect =
  how === 'absent' ? () => TE.left({ _tag: 'Unauthorized', message: 'no token' }) : how === 'slow' ? slow : bus.connect

const service = createMicroservice('program')
  .transport({ ...bus, connect })
  .onEvent('work', t.void, (_, { signal }) => () => {
    say('started')
    return new Promise<Either<never, void>>((resolve) => {
      const timer = setTimeout(() => {
        say('finished')
        resolve({ _tag: 'Right', right: undefined })
      }, busyFor)
      signal.addEventListener('abort', () => {
        say(`aborted: ${String(signal.reason)}`)
        if (how === 'hangs') clearTimeout(timer)
      })
    })
  })

const client = createClient(bus)
await runMain(how === 'invalid' ? service.onEvent('', t.void, () => TE.right(undefined)) : service, {
  drainTimeout: how === 'hangs' || how === 'clings' ? 100 : 10_000,
  abortGrace: 100,
  close: [{ close: () => client.close().then(() => say('closed')) }],
  started: () => {
    if (how === 'throws') throw new Error('no port for the health endpoint')
    if (how === 'slow') return
    process.once('SIGTERM', () => say('signalled'))
    if (how === 'idle') say('ready')
    else
      void client
        .emit('work', undefined)()
        .then(() => say('ready'))
  },
})
say('stopped')

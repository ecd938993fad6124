/** `HTTP_PORT=8080 PORT=4000 tsx examples/health/main.ts` */
import { setTimeout } from 'node:timers/promises'
import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import { newIORef } from 'fp-ts/lib/IORef.js'
import { orThrow, runMain, type Health } from 'taskwire'
import { tcp } from 'taskwire/tcp'
import { mailer, type Send } from './mailer.js'
import { serveProbes } from './probes.js'

const port = (name: string): number => Number(process.env[name] ?? 0)

// Stands for a mail server: it takes its time.
const send: Send = () => () => setTimeout(1_000).then(() => E.right(undefined))

// The probes answer from before the service has started until after it has stopped.
const health = newIORef<IO<Health>>(() => ({ ready: false, transports: {} }))()
const probes = await orThrow(serveProbes(() => health.read()(), port('HTTP_PORT')))

await runMain(mailer(send).transport(tcp({ port: port('PORT') })), {
  started: (running) => {
    health.write(running.health)()
    process.stdout.write(`probes on ${probes.url}, mailer on ${String(running.addresses.tcp?.port)}\n`)
  },
  close: [probes],
})

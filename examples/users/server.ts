/**
 * The process that runs the `users` service: `tsx examples/users/server.ts --port 4000`.
 * Without `--port` it takes a free port; `--transport redis`, `amqp` or `kafka` takes the broker that `REDIS_URL`,
 * `AMQP_URL` or `KAFKA_BROKERS` names. Whoever
 * forked it is told when it is ready, and ends it with SIGTERM.
 */
import { parseArgs } from 'node:util'
import { runMain } from 'taskwire'
import { places } from './places.js'
import { inMemory } from './repository.js'
import { users } from './service.js'
import { kindOf, serving } from './transports.js'

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const { values } = parseArgs({
  options: { transport: { type: 'string', default: 'tcp' }, port: { type: 'string', default: '0' } },
})
const kind = kindOf(values.transport)

// A parent that is gone cannot send SIGTERM any more.
const orphaned = (): void => void process.kill(process.pid, 'SIGTERM')

if (kind._tag === 'Left') {
  process.stderr.write(`${kind.left}\n`)
  process.exitCode = 1
} else {
  process.once('disconnect', orphaned)
  const repository = inMemory()
  const service = users(repository).transport(serving(kind.right, Number(values.port)))
  await runMain(service, {
    started: ({ addresses, outcome$ }) => {
      // A broker keeps dead letters. TCP has no place for them: what cannot be handled is dropped, and reported here.
      outcome$.subscribe((report) => {
        if (report.kind !== 'event') return
        if (report._tag === 'Failed') say(`${report.pattern} ${report.settlement}: ${JSON.stringify(report.error)}`)
        if (report._tag === 'Invalid' && report.settlement === 'DeadLetter')
          say(`${report.pattern} ${report.settlement}: ${places(report.issues)}`)
      })
      const address = addresses[kind.right] ?? null
      say(`process ${process.pid} listens on ${address === null ? kind.right : `${address.host}:${address.port}`}`)
      process.send?.({ address })
    },
  })
  say(`stopped with ${String(repository.size())} users`)
  process.off('disconnect', orphaned)
}

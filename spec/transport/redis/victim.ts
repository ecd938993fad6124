/** A replica as a program of its own, to be killed: says what its handler starts, and ends nothing. */
import * as t from 'io-ts'
import { createMicroservice, runMain } from 'taskwire'
import { redis } from 'taskwire/redis'

const [, , url = '', prefix = '', how = 'hangs'] = process.argv
const service = createMicroservice('victims')
  .transport(redis({ url, prefix, limits: { leaseMs: 1_000, reclaimMs: 200, maxDeliveries: 3 } }))
  .onEvent('work', t.unknown, (_, { attempt }) => () => {
    process.stdout.write(`started ${attempt}\n`)
    if (how === 'dies') process.kill(process.pid, 'SIGKILL')
    return new Promise<never>(() => undefined)
  })

await runMain(service, { started: () => void process.stdout.write('ready\n') })

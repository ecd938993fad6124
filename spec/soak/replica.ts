/** A replica of the soak, as a process: `replica.ts <what it is given, as JSON>`. It stops in order at SIGTERM. */
import { runMain } from 'taskwire'
import type { Line } from '../faults/page.js'
import { transport } from '../faults/transports.js'
import { given, measure, writer, type Given, type Note } from './notes.js'
import { service } from './service.js'

const { by, site, log, notes, measured = false } = given<Given>()
const history = writer<Line>(log)
const note = writer<Note>(notes)

let end = (): void => undefined
await runMain(
  service(
    (id) => history({ what: 'handled', id, by }),
    (id) => note({ what: 'answered', id }),
  ).transport(transport(site)),
  {
    // n.b. what handlers throw on purpose would fill it
    log: false,
    startTimeout: 120_000,
    started: (running) => {
      if (measured) end = measure(by, note, () => ({ ready: running.health().ready }))
      process.stdout.write('ready\n')
    },
  },
)
end()

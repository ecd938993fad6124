/**
 * The client of the soak, as a process: a steady load until SIGTERM. Then it asks for a few more things with a long deadline,
 * all of which have to succeed: if not, its exit code is 1.
 */
import * as E from 'fp-ts/lib/Either.js'
import { createClient } from 'taskwire'
import { noCalls } from '../faults/calls.js'
import { ask, emit, keyOf, type Written } from '../faults/load.js'
import type { Line } from '../faults/page.js'
import { transport } from '../faults/transports.js'
import { pause } from '../faults/waiting.js'
import { given, measure, writer, type Given, type Note } from './notes.js'

/** What the client is told. */
export interface ClientGiven extends Given {
  /** Events in a second, as long as nothing holds them up. */
  readonly rate: number
}

const lanes = 40
const deadlines = { event: 10_000, request: 5_000, last: 60_000 } as const

const { by, site, log, notes, rate } = given<ClientGiven>()
const history = writer<Line>(log)
const note = writer<Note>(notes)
const calls = noCalls()
const written: Written = {
  ...calls,
  emitted: (id) => history({ what: 'emitted', id, by }),
  confirmed: (id) => history({ what: 'confirmed', id, by }),
}
const tell = (): void => note({ what: 'called', ...calls.calls(), errors: Object.fromEntries(calls.errors) })

const client = createClient(transport(site), { name: by, log: () => undefined })
const ends = [measure(by, note), clearInterval.bind(undefined, setInterval(tell, 2_000))]

let stopping = false
process.once('SIGTERM', () => (stopping = true))
process.stdout.write('ready\n')

let events = 0
let requests = 0
/** Every other event has an ordering key. */
const event = (deadline: number) => (
  events++,
  emit(client, written, events, deadline, events % 2 === 0 ? keyOf(events) : '')
)
/** Every other request is marked as idempotent: its number is odd. */
const request = (deadline: number) => (
  requests++,
  ask(client, written, requests, deadline, { idempotent: requests % 2 === 1 })
)

const lane = async (): Promise<void> => {
  const pace = (lanes * 1_000) / rate
  for (let turn = 1; !stopping; turn += 1) {
    await event(deadlines.event)
    if (turn % 5 === 0) await request(deadlines.request)
    await pause(pace)
  }
}
await Promise.all(Array.from({ length: lanes }, lane))

const last = await Promise.all(
  Array.from({ length: 2 * lanes }, (_, n) => (n % 2 === 0 ? event(deadlines.last) : request(deadlines.last))),
)
ends.forEach((end) => end())
await client.close()
tell()
if (last.some(E.isLeft)) process.exitCode = 1

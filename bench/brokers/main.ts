/**
 * `npm run bench:brokers`: requests and events of taskwire, of a hand-written program, of NestJS and of Moleculer
 * over Redis, RabbitMQ and Kafka. Flags: --json, --only redis,amqp,kafka, --contenders a,b, --at 1,64,events, --prof CONTENDER. Environment:
 * BENCH_ROUNDS (3), BENCH_CELL_MS (600), BENCH_EVENTS (10000); REDIS_URL, AMQP_URL, KAFKA_BROKERS.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { type Kind, kinds } from '../../spec/brokers/software.js'
import { bench, build } from '../shared/build.js'
import { exitWithChildren } from '../shared/exit.js'
import { install } from '../shared/install.js'
import { cpuUs } from '../shared/load.js'
import { machine, versions, watch } from '../shared/machine.js'
import { rotated } from '../shared/order.js'
import { startPair, type Workload } from '../shared/pair.js'
import type { Part } from '../shared/commands.js'
import { profile } from '../shared/profile.js'
import { listed, log } from '../shared/report.js'
import { setting } from '../shared/setting.js'
import { type Measured, summarise } from '../shared/summary.js'
import { measuredBroker } from './broker.js'
import { namesOf, type Place } from './contenders.js'
import { guarantees } from './guarantees.js'
import { type BrokerReport, brokerText } from './report.js'

const WARM_UP_MS = 300
const WARM_UP_EVENTS = 2_000
const PROFILE_MS = 6_000
/** Events of one publisher that are not yet accepted. */
const WINDOW = 500

const drivers: Readonly<Record<Kind, ReadonlyArray<string>>> = {
  redis: ['ioredis'],
  amqp: ['amqplib', 'amqp-connection-manager'],
  kafka: ['kafkajs'],
}

const moleculers: Readonly<Record<Kind, string>> = { redis: 'ioredis', amqp: 'amqplib', kafka: '@platformatic/kafka' }

const allNames = [...new Set(kinds.flatMap((kind) => namesOf[kind]))]

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: kinds.join(',') },
    contenders: { type: 'string', default: allNames.join(',') },
    at: { type: 'string', default: '1,64,events' },
    prof: { type: 'string' },
  },
})
const rounds = setting('BENCH_ROUNDS', 3)
const cellMs = setting('BENCH_CELL_MS', 600)
const count = setting('BENCH_EVENTS', 10_000)
const levels = flags.at.split(',')

const workload = (level: string, ms: number, events: number): Workload =>
  level === 'events'
    ? { _tag: 'events', count: events, window: WINDOW }
    : { _tag: 'requests', inFlight: Number(level), ms }

const heading = (level: string): string =>
  level === 'events' ? `${count} events, at most ${WINDOW} of them not yet accepted` : `${level} in flight`

const withEvents = levels.includes('events')

/** Of a name that no pair had before: a group whose members were killed keeps others waiting. */
const part = (kind: Kind, url: string, folder: string, name: string): Part => {
  const place: Place = { kind, url, id: `bench-${randomBytes(5).toString('hex')}` }
  return {
    contenders: pathToFileURL(join(folder, 'brokers', 'contenders.js')).href,
    peers: `${pathToFileURL(bench).href}/`,
    name,
    place,
  }
}

const compare = async (kind: Kind, names: ReadonlyArray<string>, folder: string): Promise<BrokerReport> => {
  const broker = await measuredBroker(kind)
  log(`${kind} ${broker.version}: ${rounds} rounds of ${cellMs} ms and ${count} events for ${names.join(', ')}`)
  const noise = watch()
  const before = cpuUs() + (broker.cpuUs() || 0)
  const measured: Array<Measured> = []
  let own = 0
  for (let round = 0; round < rounds; round += 1) {
    log(`round ${round + 1} of ${rounds}`)
    for (const name of rotated(names, round)) {
      const pair = await startPair(part(kind, broker.url, folder, name), { build: folder, brokerCpuUs: broker.cpuUs })
      await pair.prime(withEvents)
      for (const level of levels) await pair.measure(workload(level, WARM_UP_MS, WARM_UP_EVENTS))
      for (const level of levels)
        measured.push({ round, load: heading(level), name, cell: await pair.measure(workload(level, cellMs, count)) })
      own += await pair.cpu()
      await pair.stop()
    }
  }
  const { loadAverage, otherCores } = noise(own + cpuUs() + (broker.cpuUs() || 0) - before)
  await broker.stop()
  const headings = levels.map(heading)
  return {
    broker: kind,
    machine: machine(),
    versions: { [kind]: broker.version, ...versions(drivers[kind], ['moleculer', moleculers[kind]]) },
    settings: { rounds, cellMs, levels: headings },
    noise: { loadAverage, otherCores },
    guarantees: guarantees[kind],
    rows: summarise(measured, headings, names),
    measured,
  }
}

exitWithChildren()

const wanted = listed(flags.prof ?? flags.contenders, allNames)
const chosen = kinds.filter((kind) => listed(flags.only, kinds).includes(kind))
install(log)
const folder = build('brokers')

const profileOn = async (kind: Kind, name: string): Promise<void> => {
  const broker = await measuredBroker(kind)
  await profile(part(kind, broker.url, folder, name), workload(levels.at(-1) ?? '64', PROFILE_MS, count), {
    build: folder,
  })
  await broker.stop()
}

const reports: Array<BrokerReport> = []
for (const kind of chosen) {
  if (flags.prof !== undefined) {
    await profileOn(kind, flags.prof)
    continue
  }
  const report = await compare(
    kind,
    namesOf[kind].filter((name) => wanted.includes(name)),
    folder,
  )
  reports.push(report)
  if (!flags.json) console.log(brokerText(report))
}
if (flags.json) console.log(JSON.stringify(reports, null, 2))

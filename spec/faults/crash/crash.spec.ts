/** Services that are killed at every step of their I/O. */
import { beforeAll } from 'vitest'
import type { Kind } from '../../brokers/software.js'
import { withBroker, withOwnBroker } from '../../brokers/suite.js'
import { crash } from './crash.js'
import type { Scenario } from './run.js'

const once = { counted: true, twice: false, redriven: false }

/** The events of each scenario: one that is handled while another one is under way. */
const event = (promised = once): Scenario => ({
  name: 'event',
  guarantee: 'Wherever it is killed while it handles events, they are handled in the end.',
  orders: [
    { do: 'handle', ms: 50 },
    { do: 'handle', ms: 0 },
  ],
  promised,
  ignored: ['move'],
})
const retry = (promised = once): Scenario => ({
  name: 'retry',
  guarantee: 'Wherever it is killed while an event waits for its retry, it is handled in the end.',
  orders: [
    { do: 'retry', ms: 20 },
    { do: 'handle', ms: 0 },
  ],
  promised,
})
const letter = (promised = once): Scenario => ({
  name: 'letter',
  guarantee: 'Wherever it is killed while it sets an event aside, the dead letter is there in the end, byte for byte.',
  orders: [
    { do: 'fail', ms: 20 },
    { do: 'handle', ms: 0 },
  ],
  promised,
  ignored: ['move'],
})

/** It is told to stop while one waits for its retry, one is being handled, and one waits behind it for their key. */
const stop = (promised = once): Scenario => ({
  name: 'stop',
  guarantee: 'Wherever it is killed while it stops, what it held is handled in the end.',
  orders: [
    { do: 'retry', ms: 0 },
    { do: 'handle', ms: 150, key: 'one' },
    { do: 'handle', ms: 0, key: 'one' },
  ],
  stopAt: 1,
  delayMs: 450,
  promised,
})

/** The letters lie in this order; the one in the middle is not selected. n.b. opening a connection is no step of it. */
const redrive = (ignored: ReadonlyArray<string>, promised = once): Scenario => ({
  name: 'redrive',
  guarantee: 'Wherever a redrive is killed, what it was to put back is handled in the end, and what not stays.',
  orders: [
    { do: 'mend', ms: 0 },
    { do: 'fail', ms: 0 },
    { do: 'mend', ms: 0 },
  ],
  promised,
  ignored,
})

const opening: Readonly<Record<Kind, ReadonlyArray<string>>> = {
  redis: ['HELLO', 'CLIENT', 'INFO', 'SCRIPT'],
  amqp: [
    'the protocol',
    ...['start', 'start-ok', 'tune', 'tune-ok', 'open', 'open-ok'].map((method) => `connection.${method}`),
    ...['exchange.declare', 'confirm.select', 'basic.consume'].flatMap((method) => [method, `${method}-ok`]),
  ],
  // n.b. kafkajs looks for partitions again by the clock
  kafka: ['ApiVersions', 'Metadata'],
}

await withBroker('redis', (url) => {
  for (const scenario of [event(), retry(), letter(), stop(), redrive(opening.redis)])
    crash('redis', () => url, scenario)
})

await withBroker('amqp', (url) => {
  const twice = { ...once, twice: true }
  const all = [
    event(),
    { ...retry(twice), delayMs: 1_000 },
    { ...retry(twice), variant: 'held' },
    letter(),
    stop(twice),
    redrive(opening.amqp),
  ]
  for (const scenario of all) crash('amqp', () => url, scenario)
})

await withOwnBroker('kafka', (start) => {
  let url = ''
  beforeAll(async () => {
    // n.b. whoever comes after a replica that was killed waits for the end of its session
    url = (await start({ settings: { 'group.min.session.timeout.ms': '500' } })).url
  }, 120_000)
  const by = { ...once, counted: false }
  const topics: Scenario = { ...retry({ ...by, twice: true }), variant: 'topics', retryTopics: true }
  for (const scenario of [event(by), retry(by), topics, letter(by), stop(by), redrive([], by)])
    crash('kafka', () => url, { ...scenario, ignored: opening.kafka })
})

/** Who starts where nobody is, where a password is wrong, where a certificate has expired; and who comes and goes often. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createClient, listen } from 'taskwire'
import { amqp } from 'taskwire/amqp'
import { kafka } from 'taskwire/kafka'
import { redis } from 'taskwire/redis'
import { tcp } from 'taskwire/tcp'
import { expect, onTestFinished } from 'vitest'
import { retained } from '../../lib/testing/conformance/memory.js'
import type { Transport } from '../../lib/transport/transport.js'
import { type Broker } from '../brokers/broker.js'
import { freePort } from '../brokers/port.js'
import { faultProxy } from '../brokers/proxy.js'
import type { BrokerOptions } from '../brokers/software.js'
import { withOwnBroker, type StartBroker } from '../brokers/suite.js'
import { expired } from '../transport/tcp/certificates.js'
import { behindProxies, inFrontOf, type Front } from './behind.js'
import { cast } from './cast.js'
import { fault, type Trial } from './fault.js'
import { ask, emit, load } from './load.js'
import { transport, type Site } from './transports.js'
import { pause } from './waiting.js'
import { worker } from './worker.js'

/** A broker of one's own behind a proxy, whose address is also the one that Kafka tells. */
const behind = async (start: StartBroker, options: BrokerOptions): Promise<Front & { readonly broker: Broker }> => {
  const proxy = await faultProxy()
  onTestFinished(() => proxy.close())
  const broker = await start({ ...options, ...(options.advertised === undefined ? {} : { advertised: proxy.port }) })
  proxy.upstream(broker)
  return { broker, proxy, via: proxy.port, url: broker.url.replace(`:${broker.port}`, `:${proxy.port}`) }
}

/** How many connections were begun in so many milliseconds. */
const begunIn = async ({ proxy }: Front, ms: number): Promise<number> => {
  const { accepted } = proxy.stats()
  await pause(ms)
  return proxy.stats().accepted - accepted
}

/** How many clients come and go, and how many services. A member of a group on Kafka takes its time. */
const cycles: Readonly<Record<Site['kind'], readonly [number, number]>> = {
  tcp: [1_000, 200],
  redis: [1_000, 100],
  amqp: [200, 50],
  kafka: [20, 5],
}

await behindProxies((kind, front) => {
  fault(
    'F24',
    kind,
    'Whoever starts where nobody is waits, within its time: calls that have less end typed by their deadlines, the others are served once somebody is there.',
    async (trial) => {
      const { page, drained, figure } = trial
      const { url, proxy, via } = await front()
      const { serve, attempt, call } = cast(trial, kind, url, { via })
      // n.b. a broker keeps for a service what comes after it has listened for the first time
      const first = await serve()
      const early = call()
      await emit(early, page, 2_000)
      await ask(early, page, 0)
      await drained()
      await first.stop()
      await early.close()
      await proxy.down()
      trial.fault('nobody is there when services and callers start')
      const listening = kind === 'tcp'
      if (!listening)
        expect(await attempt({ startTimeout: 1_000 })).toMatchObject({
          _tag: 'Left',
          left: { _tag: 'TransportFailed', message: expect.stringMatching(/within 1000 ms: .*cannot be opened: ./) },
        })
      const client = call()
      expect(await client.connect()).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
      const late = { _tag: 'Left', left: { _tag: 'TimeoutError', waitingFor: 'connection' } }
      expect(await Promise.all([emit(client, page, 1_000, 500), ask(client, page, 0, 500)])).toMatchObject([late, late])
      const starting = serve()
      const patient = load(client, page, { to: 100, requestEvery: 10 })
      await pause(1_000)
      const began = performance.now()
      await proxy.up()
      const running = await starting
      figure('listensAfterMs', Math.round(performance.now() - began))
      await patient
      figure('servedAfterMs', Math.round(performance.now() - began))
      expect([page.count('confirmed'), page.errors.get('TimeoutError')]).toEqual([101, 2])
      await drained()
      expect(running.health().ready).toBe(true)
    },
    { variant: 'absent' },
  )

  fault(
    'F24',
    kind,
    'Clients and services that come and go, again and again, leave nothing behind: no connection, no timer, no memory.',
    async (trial) => {
      const { page, until, figure } = trial
      const { url, proxy, via } = await front()
      const { serve, site } = cast(trial, kind, url, { via })
      await serve({ work: () => TE.right(undefined) })
      const come = async (n: number): Promise<void> => {
        const client = createClient(transport(site), { log: () => undefined })
        expect(await ask(client, page, n)).toEqual(E.right(n))
        await client.close()
      }
      const comeToStay = async (): Promise<void> => {
        const elsewhere = {
          ...site,
          url: kind === 'tcp' ? `tcp://127.0.0.1:${await freePort()}` : url,
          prefix: `${site.prefix}other.`,
        }
        const running = await listen(worker(() => TE.right(undefined)).transport(transport(elsewhere)), {
          log: false,
        })()
        if (E.isLeft(running)) throw new Error(JSON.stringify(running.left))
        await running.right.stop()
      }
      const [clients, services] = cycles[kind]
      const round = async (share: number): Promise<void> => {
        for (let n = 0; n < clients * share; n++) await come(n)
        for (let n = 0; n < services * share; n++) await comeToStay()
      }
      await round(0.2)
      const listeners = (): number => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
      const there = (): string => [proxy.stats().open, listeners(), ...process.getActiveResourcesInfo().sort()].join()
      /** What is there once nothing more goes. */
      const calm = async (): Promise<string> => {
        let last = ''
        const same = (): boolean => last === (last = there())
        await until('nothing more is closed', same, 60_000, 300)
        return last
      }
      await round(0.2)
      const before = await calm()
      const held = retained()
      trial.fault(`${clients} clients and ${services} services come and go`)
      await round(1)
      expect(await calm()).toBe(before)
      const grown = Math.round((retained() - held) / 1_024)
      figure('clients', clients)
      figure('services', services)
      figure('grownKiB', grown)
      expect(grown, 'KiB that are held').toBeLessThan(4_096 + 2 * (clients + services))
    },
    { variant: 'cycles' },
  )
})

/** How each broker is told of a password, and how the right and a wrong one are named by who comes. */
const passwords = {
  redis: {
    options: { settings: { requirepass: 'right' } },
    site: (url: string, password: string) => ({ url: url.replace('//', `//:${password}@`) }),
    change: (broker: Broker, from: string, to: string) =>
      broker.command('-a', from, 'CONFIG', 'SET', 'requirepass', to),
  },
  amqp: {
    options: {},
    site: (url: string, password: string) => ({ url: url.replace(/\/\/.*@/, `//guest:${password}@`) }),
    change: (broker: Broker, _: string, to: string) => broker.command('change_password', 'guest', to),
  },
  kafka: {
    options: {
      advertised: 0,
      settings: {
        'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
        'listener.name.plaintext.sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.plaintext.plain.sasl.jaas.config':
          'org.apache.kafka.common.security.plain.PlainLoginModule required user_guest="right";',
      },
    },
    site: (url: string, password: string) => ({
      url,
      kafkajs: { sasl: { mechanism: 'plain' as const, username: 'guest', password } },
    }),
    change: undefined,
  },
} as const

for (const kind of ['redis', 'amqp', 'kafka'] as const)
  await withOwnBroker(kind, (start) => {
    fault(
      'F24',
      kind,
      'A password that is wrong is refused at once, typed, and not tried again; one that becomes wrong is tried ever more seldom, until it is right again. None is told to anybody.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { options, site: siteOf, change } = passwords[kind]
        const front = await behind(start, options)
        if (kind === 'amqp') await passwords.amqp.change(front.broker, '', 'right')
        const right = siteOf(front.url, 'right')
        const parts = cast(trial, kind, right.url, right)
        const wrong: Site = { ...parts.site, ...siteOf(front.url, 'not-the-one') }
        const lines: Array<string> = []
        const log = (line: string): void => void lines.push(line)

        trial.fault('a wrong password at the start')
        const began = performance.now()
        const refused = { _tag: 'Left', left: { _tag: 'Unauthorized' } }
        const started = await parts.attempt({ site: wrong, log })
        const client = parts.call(wrong, { log })
        const calls = [await client.connect(), await emit(client, page, 1_000), await ask(client, page, 0)]
        figure('refusedAfterMs', Math.round(performance.now() - began))
        expect([started, ...calls]).toMatchObject([refused, refused, refused, refused])
        expect(await begunIn(front, 2_000)).toBe(0)
        expect(JSON.stringify([started, calls, lines])).not.toContain('not-the-one')

        const running = await parts.serve({ log })
        const friend = parts.call(undefined, { log })
        await load(friend, page, { to: 100, requestEvery: 10 })
        if (change !== undefined) {
          trial.fault('the password is another one while a service runs')
          await change(front.broker, 'right', 'changed')
          front.proxy.reset()
          await until('readiness is false', () => !running.health().ready)
          await pause(1_000)
          const attempts = await begunIn(front, 3_000)
          figure('attemptsIn3s', attempts)
          // n.b. of six connections, with delays from 100 ms to 30 s that double
          expect(attempts).toBeLessThan(30)
          await change(front.broker, 'changed', 'right')
          await until('readiness is true', () => running.health().ready)
          await load(friend, page, { from: 100, to: 200, requestEvery: 10 })
        }
        await drained()
        expect(lines.join('\n')).not.toMatch(/right|not-the-one/)
      },
      { variant: 'password' },
    )
  })

const tlsFiles = () => {
  const folder = mkdtempSync(join(tmpdir(), 'taskwire-faults-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  writeFileSync(files.cert, expired.cert)
  writeFileSync(files.key, expired.key)
  return files
}

/** Callers, and services where there is a broker, are told what is wrong with the certificate, and do not hammer. */
const expectOutdated = async (trial: Trial, front: Front, of: () => Transport, waits: boolean): Promise<void> => {
  const { page, figure } = trial
  trial.fault('the certificate of who is there expired long ago')
  const lines: Array<string> = []
  const client = createClient(of(), { log: (line) => lines.push(line) })
  onTestFinished(() => client.close())
  const outdated = {
    _tag: 'TransportFailed',
    message: expect.stringMatching(/certificate has expired|CERT_HAS_EXPIRED/),
  }
  expect(await client.connect()).toMatchObject({ _tag: 'Left', left: outdated })
  expect(await emit(client, page, 0, 500)).toMatchObject({ _tag: 'Left', left: { _tag: 'TimeoutError' } })
  if (waits)
    expect(
      await listen(worker(() => TE.right(undefined)).transport(of()), { log: false, startTimeout: 1_500 })(),
    ).toMatchObject({ _tag: 'Left', left: outdated })
  const attempts = await begunIn(front, 3_000)
  figure('attemptsIn3s', attempts)
  // n.b. each attempt of kafkajs connects up to four times
  expect(attempts).toBeLessThan(60)
  expect(lines.length).toBeLessThan(5)
}

const outdated =
  'Where a certificate has expired, nobody trusts it: who starts is told so, calls end typed by their deadlines, and it is tried ever more seldom.'

fault(
  'F24',
  'tcp',
  outdated,
  async (trial) => {
    const port = await freePort()
    const front = await inFrontOf(`tcp://127.0.0.1:${port}`)
    const service = worker(() => TE.right(undefined)).transport(tcp({ port, host: '127.0.0.1', tls: expired }))
    const running = await listen(service, { log: false })()
    onTestFinished(async () => {
      if (E.isRight(running)) await running.right.stop()
    })
    const endpoints = [{ host: '127.0.0.1', port: front.via }]
    await expectOutdated(trial, front, () => tcp({ endpoints, tls: { ca: expired.cert } }), false)
  },
  { variant: 'certificate' },
)

await withOwnBroker('redis', (start) =>
  fault(
    'F24',
    'redis',
    outdated,
    async (trial) => {
      const front = await behind(start, { tls: tlsFiles() })
      const ioredis = { tls: { ca: expired.cert } }
      await expectOutdated(trial, front, () => redis({ url: front.url, ioredis }), true)
    },
    { variant: 'certificate' },
  ),
)

await withOwnBroker('amqp', (start) =>
  fault(
    'F24',
    'amqp',
    outdated,
    async (trial) => {
      const front = await behind(start, { tls: tlsFiles() })
      const amqplib = { ca: [expired.cert] }
      await expectOutdated(trial, front, () => amqp({ url: front.url, amqplib }), true)
    },
    { variant: 'certificate' },
  ),
)

// n.b. Kafka reads PEM from its settings, where a line ends with backslash and n
const inline = (pem: string): string => pem.replaceAll('\n', '\\n')

await withOwnBroker('kafka', (start) =>
  fault(
    'F24',
    'kafka',
    outdated,
    async (trial) => {
      const front = await behind(start, {
        advertised: 0,
        settings: {
          'listener.security.protocol.map': 'PLAINTEXT:SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
          'listener.name.plaintext.ssl.keystore.type': 'PEM',
          'listener.name.plaintext.ssl.keystore.certificate.chain': inline(expired.cert),
          'listener.name.plaintext.ssl.keystore.key': inline(expired.key),
        },
      })
      const ssl = { ca: [expired.cert] }
      await expectOutdated(trial, front, () => kafka({ brokers: [front.url], kafkajs: { ssl } }), true)
    },
    { variant: 'certificate' },
  ),
)

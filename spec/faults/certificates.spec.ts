/** Certificates that have expired. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createClient, listen, orThrow } from 'taskwire'
import { amqp } from 'taskwire/amqp'
import { kafka } from 'taskwire/kafka'
import { redis } from 'taskwire/redis'
import { tcp } from 'taskwire/tcp'
import { expect, onTestFinished } from 'vitest'
import type { Transport } from '../../lib/transport/transport.js'
import { kinds, type BrokerOptions, type Kind } from '../brokers/software.js'
import { withOwnBroker } from '../brokers/suite.js'
import { tlsFiles } from '../brokers/tls-files.js'
import { expired } from '../transport/tcp/certificates.js'
import { begunIn, inFrontOf, inFrontOfOwn, type Front } from './behind.js'
import { fault, type Trial } from './fault.js'
import { emit } from './load.js'
import { worker } from './worker.js'

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
    const service = worker(() => TE.right(undefined)).transport(tcp({ port: 0, host: '127.0.0.1', tls: expired }))
    const running = await orThrow(listen(service, { log: false }))
    onTestFinished(async () => {
      await running.stop()
    })
    const front = await inFrontOf(`tcp://127.0.0.1:${running.addresses['tcp']?.port ?? 0}`)
    const endpoints = [{ host: '127.0.0.1', port: front.via }]
    await expectOutdated(trial, front, () => tcp({ endpoints, tls: { ca: expired.cert } }), false)
  },
  { variant: 'certificate' },
)

// n.b. Kafka reads PEM from its settings, where a line ends with backslash and n
const inline = (pem: string): string => pem.replaceAll('\n', '\\n')

/** How each broker is told of its certificate, and a transport to trust it but for its age. */
const brokers: Readonly<
  Record<Kind, { readonly options: () => BrokerOptions; readonly transport: (url: string) => Transport }>
> = {
  redis: {
    options: () => ({ tls: tlsFiles(expired) }),
    transport: (url) => redis({ url, ioredis: { tls: { ca: expired.cert } } }),
  },
  amqp: {
    options: () => ({ tls: tlsFiles(expired) }),
    transport: (url) => amqp({ url, amqplib: { ca: [expired.cert] } }),
  },
  kafka: {
    options: () => ({
      settings: {
        'listener.security.protocol.map': 'PLAINTEXT:SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
        'listener.name.plaintext.ssl.keystore.type': 'PEM',
        'listener.name.plaintext.ssl.keystore.certificate.chain': inline(expired.cert),
        'listener.name.plaintext.ssl.keystore.key': inline(expired.key),
      },
    }),
    transport: (url) => kafka({ brokers: [url], kafkajs: { ssl: { ca: [expired.cert] } } }),
  },
}

for (const kind of kinds)
  await withOwnBroker(kind, (start) =>
    fault(
      'F24',
      kind,
      outdated,
      async (trial) => {
        const { options, transport } = brokers[kind]
        const front = await inFrontOfOwn(start, options())
        await expectOutdated(trial, front, () => transport(front.url), true)
      },
      { variant: 'certificate' },
    ),
  )

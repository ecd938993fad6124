/** What the driver is given, what its errors mean, and that it can do nothing more once its station is destroyed. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import kafkajs, { type KafkaConfig, type LogEntry } from 'kafkajs'
import { realClock } from 'taskwire'
import { expect, onTestFinished, test } from 'vitest'
import { connectError, refusedForGood, typeOf } from '../../../lib/transport/kafka/failures.js'
import { settingsOf, type KafkaOptions } from '../../../lib/transport/kafka/options.js'
import { station, type Driver, type Ears } from '../../../lib/transport/kafka/station.js'

/** A station over a driver that only keeps what it is given. */
const stationOf = (options: Partial<KafkaOptions>, ears: Ears = {}, answerMs = 60_000) => {
  const given: Array<KafkaConfig> = []
  const Kafka = function (config: KafkaConfig): void {
    given.push(config)
  }
  const driver = { Kafka, logLevel: kafkajs.logLevel } as unknown as Driver
  const { settings } = settingsOf({ brokers: ['127.0.0.1:9092'], ...options })
  const made = station(driver, settings, realClock, ears, 'patient', answerMs)
  const [config] = given
  if (config?.socketFactory === undefined) throw new Error('the driver was given nothing')
  return { made, config, socketFactory: config.socketFactory }
}

test('ssl, sasl and the rest reach the driver as they are; retries and logging are the transport’s', () => {
  const ssl = { ca: 'ca', servername: 's' }
  const sasl = { mechanism: 'scram-sha-256', username: 'u', password: 'p' } as const
  const { config } = stationOf({ kafkajs: { ssl, sasl, clientId: 'me', requestTimeout: 7 } })
  expect(config).toMatchObject({ brokers: ['127.0.0.1:9092'], ssl, sasl, clientId: 'me', requestTimeout: 7 })
  expect(config.connectionTimeout).toBe(10_000)
  expect(config.retry).toMatchObject({ maxRetryTime: 1_000 })
  expect(stationOf({ kafkajs: { connectionTimeout: 5 } }).config.connectionTimeout).toBe(5)
})

test('the driver writes nothing to the console; a log of one’s own hears it', () => {
  const heard: Array<string> = []
  const errors: Array<string> = []
  const entry = (level: number, message: string): LogEntry => ({
    namespace: 'n',
    level,
    label: 'l',
    log: { timestamp: '', message },
  })
  const { config } = stationOf(
    { kafkajs: { logCreator: () => (one) => heard.push(one.log.message) } },
    { error: ({ message }) => errors.push(message) },
  )
  const log = config.logCreator?.(kafkajs.logLevel.ERROR)
  log?.(entry(kafkajs.logLevel.ERROR, 'bad'))
  log?.(entry(kafkajs.logLevel.WARN, 'odd'))
  expect([heard, errors]).toEqual([['bad', 'odd'], ['bad']])
})

test('a station that is destroyed ends its sockets with an error, and opens no other one', async () => {
  const sockets: Array<Socket> = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    sockets.push(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  let closed = 0
  const { made, socketFactory } = stationOf({}, { closed: () => (closed += 1) })
  const to = { host: '127.0.0.1', port, ssl: undefined as never }
  const open = async () => {
    const socket = socketFactory({ ...to, onConnect: () => undefined })
    await once(socket, 'connect')
    return socket
  }
  // One that ends by itself is heard of, those that are ended here are not.
  const first = await open()
  first.destroy()
  await once(first, 'close')
  expect(closed).toBe(1)
  const second = await open()
  const failed = once(second, 'error')
  made.destroy()
  expect(String((await failed)[0])).toContain('closed')
  expect(() => socketFactory({ ...to, onConnect: () => undefined })).toThrow('closed')
  expect(closed).toBe(1)
  for (const socket of sockets) socket.destroy()
  server.close()
})

test('a socket on which something was asked and nothing comes is ended, and those to the same broker; idle ones are not', async () => {
  const ports = await Promise.all(
    [1, 2].map(async () => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined)
        socket.on('data', (asked) => (String(asked) === 'mute' ? undefined : void socket.write('heard')))
      })
      onTestFinished(() => void server.close())
      await once(server.listen(0, '127.0.0.1'), 'listening')
      return (server.address() as AddressInfo).port
    }),
  )
  const { made, socketFactory } = stationOf({}, {}, 600)
  const open = async (port: number | undefined, first: string) => {
    const socket = socketFactory({
      host: '127.0.0.1',
      port: port!,
      ssl: undefined as never,
      onConnect: () => undefined,
    })
    socket.on('error', () => undefined).write(first)
    await once(socket, 'connect')
    return socket
  }
  // n.b. `once` of Node rejects at an error
  const ended = (socket: Socket) => new Promise<void>((resolve) => void socket.once('close', () => resolve()))
  const settle = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  const idle = await open(ports[0], 'hello')
  const busy = await open(ports[0], 'hello')
  const asking = setInterval(() => busy.write('more'), 100)
  const dead = await open(ports[1], 'mute')
  const beside = await open(ports[1], 'hello')
  await Promise.all([ended(dead), ended(beside)])
  await settle(1_500)
  expect([idle.destroyed, busy.destroyed]).toEqual([false, false])
  clearInterval(asking)
  // It was heard before, and now it is silent, too: for as long as that may be.
  idle.write('mute')
  made.patience(60_000)
  await settle(1_500)
  expect(idle.destroyed).toBe(false)
  made.patience(600)
  await Promise.all([ended(idle), ended(busy)])
  made.destroy()
})

test('credentials, rights and a group of another program are told apart from failures that pass, however deep the driver buries them', () => {
  const wrapped = (cause: unknown) =>
    Object.assign(new Error('gave up'), { name: 'KafkaJSNumberOfRetriesExceeded', cause })
  const sasl = Object.assign(new Error('SASL PLAIN authentication failed'), { name: 'KafkaJSSASLAuthenticationError' })
  const rights = Object.assign(new Error('no'), { type: 'GROUP_AUTHORIZATION_FAILED', retriable: false })
  const broken = Object.assign(new Error('connect ECONNREFUSED'), {
    name: 'KafkaJSConnectionError',
    code: 'ECONNREFUSED',
  })
  for (const error of [sasl, rights, wrapped(sasl), wrapped(wrapped(rights))])
    expect(connectError('kafka', 'cannot connect', error)._tag).toBe('Unauthorized')
  const foreign = Object.assign(new Error('no'), { type: 'INCONSISTENT_GROUP_PROTOCOL', retriable: false })
  expect(connectError('kafka', 'cannot join', wrapped(foreign))._tag).toBe('TopologyMismatch')
  for (const error of [broken, wrapped(broken), undefined, 'text', null])
    expect(connectError('kafka', 'cannot connect', error)._tag).toBe('TransportFailed')
  expect(typeOf(wrapped(rights))).toBe('GROUP_AUTHORIZATION_FAILED')
  expect(typeOf({ errors: [{ type: 'TOPIC_ALREADY_EXISTS' }] })).toBe('TOPIC_ALREADY_EXISTS')
  expect([typeOf(broken), typeOf(undefined)]).toEqual([undefined, undefined])
  expect([refusedForGood(rights), refusedForGood(wrapped(broken))]).toEqual([true, false])
})

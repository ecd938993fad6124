/** Kafka: one node that is broker and controller. */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './child.js'
import { cached, jars } from './kafka-jars.js'
import { answer, freePort, host } from './port.js'
import { program, required } from './program.js'
import { lines, type Software } from './software.js'

/** `java`, if there is one of version 17 or later. */
const java = async (): Promise<string | undefined> => {
  const file = program('java')
  if (file === undefined) return undefined
  const printed = await run({ file, args: ['-version'] }).catch(() => '')
  return Number(/version "(\d+)/.exec(printed)?.[1] ?? 0) >= 17 ? file : undefined
}

const properties = (folder: string, port: number, advertised: number, own: number, control: number) => ({
  'process.roles': 'broker,controller',
  'node.id': '1',
  // Its connections to itself have a listener of their own: what is done to the clients' must not reach them.
  listeners: `PLAINTEXT://${host}:${port},INTERNAL://${host}:${own},CONTROLLER://${host}:${control}`,
  'advertised.listeners': `PLAINTEXT://${host}:${advertised},INTERNAL://${host}:${own}`,
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'INTERNAL',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'controller.quorum.voters': `1@${host}:${control}`,
  // After a SIGKILL it comes back only when its session has ended. The default is 9 s.
  'broker.session.timeout.ms': '5000',
  'broker.heartbeat.interval.ms': '500',
  'log.dirs': join(folder, 'data'),
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  'auto.create.topics.enable': 'false',
})

/** Metadata, version 1, for no topic: size, key, version, correlation id, no client id, no topics. */
const metadata = Buffer.from('0000000e' + '0003' + '0001' + '00000001' + 'ffff' + '00000000', 'hex')

/** The number of brokers that the answer lists: none before this one has joined its own cluster. */
const brokers = (bytes: Buffer | undefined): number =>
  bytes !== undefined && bytes.length >= 12 ? bytes.readInt32BE(8) : 0

/** Kafka as a process. */
export const kafka: Software = {
  variable: 'KAFKA_BROKERS',
  install: 'openjdk-17-jre-headless maven',
  found: async () => (cached() || program('mvn') !== undefined) && (await java()) !== undefined,
  configure: async (folder, { port: wanted, advertised, settings = {} }) => {
    const file = required('java')
    const port = wanted ?? (await freePort())
    const own = await freePort()
    const all = {
      ...properties(folder, port, advertised ?? port, own, await freePort()),
      ...settings,
    }
    const path = join(folder, 'server.properties')
    await writeFile(path, lines(all, '='))
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
    const classes = ['-cp', join(await jars(), '*')]
    const id = `A${randomBytes(16).toString('base64url').slice(1)}`
    await run({ file, args: [quiet, ...classes, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', path] })
    return {
      url: `${host}:${port}`,
      port,
      server: { file, args: ['-Xms512m', '-Xmx512m', quiet, ...classes, 'kafka.Kafka', path] },
      beside: [],
      flush: [],
      // n.b. that of the clients may ask for a password, or speak TLS
      ready: async () => brokers(await answer(own, metadata, false)) > 0,
      tool: ([main = '', ...args]) => ({ file, args: [quiet, ...classes, main, ...args] }),
    }
  },
}

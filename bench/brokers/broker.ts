/** The broker that is measured on: one of its own, started for the benchmark, or the one whose address is set. */
import { readFileSync } from 'node:fs'
import { connect } from 'amqplib'
import { Redis } from 'ioredis'
import { software, startBroker } from '../../spec/brokers/broker.js'
import type { Kind } from '../../spec/brokers/software.js'

export interface MeasuredBroker {
  readonly url: string
  /** `?` where it cannot be asked. */
  readonly version: string
  /** CPU time of its process so far, microseconds; NaN where that cannot be known. */
  readonly cpuUs: () => number
  readonly stop: () => Promise<void>
}

const TICKS_PER_SECOND = 100

/** Of all its threads: the 14th and 15th field of /proc/PID/stat. The second, in parentheses, may hold spaces. */
const cpuOf = (pid: number): number => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND
  } catch {
    return NaN
  }
}

const redisVersion = async (url: string): Promise<string> => {
  const client = new Redis(url, { retryStrategy: () => null })
  client.on('error', () => {})
  const info = await client.info('server')
  client.disconnect()
  return /redis_version:(\S+)/.exec(info)?.[1] ?? ''
}

const amqpVersion = async (url: string): Promise<string> => {
  const connection = await connect(url)
  const { version } = connection.connection.serverProperties
  await connection.close()
  return version
}

export const measuredBroker = async (kind: Kind): Promise<MeasuredBroker> => {
  const given = process.env[software[kind].variable] || undefined
  // Redis as it comes: not on disk with each write. The other two write as they do by default anyway.
  const own = given === undefined ? await startBroker(kind, { appendOnly: false }) : undefined
  const url = given ?? own?.url ?? ''
  const version = async (): Promise<string> => {
    if (kind === 'redis') return redisVersion(url)
    if (kind === 'amqp') return amqpVersion(url)
    return (await own?.command('kafka.Kafka', '--version'))?.trim().split(/\s/)[0] ?? '?'
  }
  return {
    url,
    version: await version(),
    cpuUs: () => (own === undefined ? NaN : cpuOf(own.pid())),
    stop: async () => own?.stop(),
  }
}

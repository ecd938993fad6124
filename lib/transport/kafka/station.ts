/** One client of kafkajs, whose sockets can be taken away from it. */
import { connect as netConnect, isIP, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { ISocketFactory, Kafka, LogEntry } from 'kafkajs'
import type { Clock } from '../../core/clock.js'
import type { Settings } from './options.js'
import { silence } from './silence.js'

/** The driver, loaded. */
export type Driver = typeof import('kafkajs')

export interface Station {
  readonly kafka: Kafka
  /** How long answers may take from now on, in milliseconds; a socket that is silent for longer is ended. */
  readonly patience: (ms: number) => void
  /** Ends every socket of it, and lets it open no other one: whatever kafkajs is still up to comes to nothing. */
  readonly destroy: () => void
}

/** What a station tells. */
export interface Ears {
  /** A socket was closed, by whomever. */
  readonly closed?: () => void
  /** kafkajs reports an error. */
  readonly error?: (entry: LogEntry['log'] & Readonly<Record<string, unknown>>) => void
}

// kafkajs sets neither, and Nagle's algorithm costs 40 ms where a request leaves in two writes.
const tuned: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const to = { host, port }
  const servername = isIP(host) === 0 ? { servername: host } : {}
  // n.b. the type says options, and with `ssl: true` it is true
  const options = typeof ssl === 'object' ? ssl : {}
  const socket = (ssl as unknown)
    ? tlsConnect({ ...to, ...servername, ...options }, onConnect)
    : netConnect(to, onConnect)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 15_000)
  return socket
}

/** What an answer may take, in milliseconds, where nobody waits for anything before it is given. */
export const answerMs = ({ kafkajs: { requestTimeout = 5_000 } }: Settings): number => requestTimeout

/** How often kafkajs tries by itself. Few times: the transport's own supervision goes on for ever. */
export const patient = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 4 }
const impatient = { initialRetryTime: 50, maxRetryTime: 200, retries: 1 }

/** A client that has connected to nothing yet. An answer may take `patienceMs`. */
export const station = (
  { Kafka, logLevel }: Driver,
  { brokers, kafkajs, name }: Settings,
  clock: Clock,
  { closed, error }: Ears,
  retry: 'patient' | 'impatient',
  patienceMs: number,
): Station => {
  const silent = silence(clock, patienceMs)
  const sockets = new Set<Socket>()
  let over = false
  const open = kafkajs.socketFactory ?? tuned
  const kafka = new Kafka({
    clientId: `taskwire-${name}`,
    connectionTimeout: 10_000,
    logLevel: logLevel.ERROR,
    ...kafkajs,
    brokers: [...brokers],
    retry: retry === 'patient' ? patient : impatient,
    // n.b. silent otherwise: the transport says in its own words what went wrong, once, and without stacks
    logCreator: (level) => {
      const own = kafkajs.logCreator?.(level)
      return (entry) => {
        own?.(entry)
        if (entry.level === logLevel.ERROR) error?.(entry.log)
      }
    },
    socketFactory: (to) => {
      if (over) throw new Error('the connection is closed')
      const socket = open(to)
      sockets.add(socket)
      silent.watch(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        if (!over) closed?.()
      })
      return socket
    },
  })
  return {
    kafka,
    patience: silent.patience,
    destroy: () => {
      over = true
      silent.end()
      // n.b. with an error, or kafkajs waits for what was under way until its request timeout
      for (const socket of sockets) socket.destroy(new Error('the connection is closed'))
    },
  }
}

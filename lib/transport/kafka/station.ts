/** One client of kafkajs, whose sockets can be taken away from it. */
import { connect as netConnect, isIP, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { ISocketFactory, Kafka, LogEntry } from 'kafkajs'
import type { Settings } from './options.js'

/** The driver, loaded. */
export type Driver = typeof import('kafkajs')

export interface Station {
  readonly kafka: Kafka
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

/** How often kafkajs tries by itself. Few times: the transport's own supervision goes on for ever. */
export const patient = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 4 }
const impatient = { initialRetryTime: 50, maxRetryTime: 200, retries: 1 }

/** A client that has connected to nothing yet. */
export const station = (
  { Kafka, logLevel }: Driver,
  { brokers, kafkajs, name }: Settings,
  { closed, error }: Ears,
  retry: 'patient' | 'impatient',
): Station => {
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
      socket.once('close', () => {
        sockets.delete(socket)
        if (!over) closed?.()
      })
      return socket
    },
  })
  return {
    kafka,
    destroy: () => {
      over = true
      // n.b. with an error, or kafkajs waits for what was under way until its request timeout
      for (const socket of sockets) socket.destroy(new Error('the connection is closed'))
    },
  }
}

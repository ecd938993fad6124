/** A server that echoes, a fault proxy in front of it, and clients that note what happens to them. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, expect } from 'vitest'
import { faultProxy, type FaultProxy } from './proxy.js'

/** A connection through a proxy. */
export interface Client {
  readonly socket: Socket
  readonly got: () => string
  /** `end`, the code of an error and `close`, in their order. */
  readonly events: ReadonlyArray<string>
}

/** What each test of a file finds. */
export interface Fixture {
  readonly proxy: FaultProxy
  /** Ends that have reached the server; it says `bye` to each. */
  readonly ended: () => number
  readonly client: (through?: FaultProxy) => Client
  /** A client that has got an answer to `hello `. */
  readonly talking: () => Promise<Client>
  readonly close: () => Promise<void>
}

/** `expect.poll` that has time. */
export const poll = <A>(look: () => A) => expect.poll(look, { timeout: 10_000, interval: 5 })

/** Some milliseconds. */
export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** Sends a text and waits for its echo. */
export const says = async (one: Client, text: string): Promise<void> => {
  one.socket.write(text)
  await poll(one.got).toContain(text)
}

const connected = (port: number, host: string): Client => {
  const events: Array<string> = []
  let got = ''
  const socket = connect({ port, host, allowHalfOpen: true })
  socket.setEncoding('utf8').on('data', (text: string) => (got += text))
  socket.on('error', (error: NodeJS.ErrnoException) => events.push(error.code ?? error.message))
  socket.on('end', () => events.push('end'))
  socket.on('close', () => events.push('close'))
  return { socket, got: () => got, events }
}

const open = async (): Promise<Fixture> => {
  let ended = 0
  const clients: Array<Client> = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => socket.write(bytes))
    socket.on('end', () => {
      ended += 1
      socket.end('bye')
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const proxy = await faultProxy({ port: (server.address() as AddressInfo).port })
  const client = ({ port, host } = proxy): Client => {
    const one = connected(port, host)
    clients.push(one)
    return one
  }
  return {
    proxy,
    ended: () => ended,
    client,
    talking: async () => {
      const one = client()
      await says(one, 'hello ')
      return one
    },
    close: async () => {
      clients.forEach(({ socket }) => socket.destroy())
      await proxy.close()
      server.close()
    },
  }
}

/** A fresh fixture for each test of the file. */
export const fixture = (): (() => Fixture) => {
  let current: Fixture
  beforeEach(async () => {
    current = await open()
  })
  afterEach(() => current.close())
  return () => current
}

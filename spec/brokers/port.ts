/** Ports of 127.0.0.1, and whether somebody answers there. */
import { randomInt } from 'node:crypto'
import { connect, createServer } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Where everything listens. */
export const host = '127.0.0.1'

/** Whether nobody listens on a port. */
export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })

/**
 * A free port below those that the system gives to outgoing connections. Of the others one can be taken while a broker
 * is down, even by the client that tries to reach it: a connection to itself.
 */
export const freePort = async (): Promise<number> => {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(12_000, 32_000)
    if (await isFree(port)) return port
  }
  throw new Error('no free port in a hundred tries')
}

/** Sends `question` to a port and gives the first bytes of the answer; undefined when there is none within 2 s. */
export const answer = (port: number, question: Uint8Array, tls: boolean): Promise<Buffer | undefined> =>
  new Promise((resolve) => {
    const target = { port, host }
    const socket = tls ? connectTls({ ...target, rejectUnauthorized: false }) : connect(target)
    const end = (bytes?: Buffer): void => {
      socket.destroy()
      resolve(bytes)
    }
    socket.setTimeout(2_000, () => end())
    socket.on('error', () => end())
    socket.on('close', () => end())
    socket.on('data', (bytes: Buffer) => end(bytes))
    socket.write(question)
  })

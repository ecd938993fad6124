/** Starts contenders over TCP, each on a port of its own. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bench } from '../shared/build.js'
import type { Part } from '../shared/commands.js'
import { type Options, type Pair, startPair } from '../shared/pair.js'

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

type Shape = Pick<Part, 'endpoints' | 'holds'>

export const tcpPart = async (folder: string, name: string, shape: Shape = {}): Promise<Part> => ({
  contenders: pathToFileURL(join(folder, 'tcp', 'contenders.js')).href,
  peers: `${pathToFileURL(bench).href}/`,
  name,
  place: await freePort(),
  ...shape,
})

export const startTcp = async (
  folder: string,
  name: string,
  shape: Shape = {},
  options: Omit<Options, 'build'> = {},
): Promise<Pair> => startPair(await tcpPart(folder, name, shape), { build: folder, ...options })

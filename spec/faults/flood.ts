/**
 * A crowd as a process: `flood.ts <options as JSON>`. So many sockets say hello byte by byte; once they are open it prints
 * `ready`, and others connect, say nothing, and come again as soon as they are sent away. When the slow ones are gone it prints what it has heard.
 */
import { connect, type Socket } from 'node:net'
import { decodeGoaway } from '../../lib/transport/tcp/control.js'
import { frameType } from '../../lib/transport/tcp/frame.js'
import { parser } from '../../lib/transport/tcp/parser.js'
import { hello } from '../transport/tcp/raw.js'
import { pause, until } from './waiting.js'

export interface FloodOptions {
  readonly by: string
  readonly port: number
  readonly slow: number
}

/** How each connection ended: by the code of its goodbye; -1 without one. */
export interface Heard {
  readonly slow: Readonly<Record<number, number>>
  readonly flood: Readonly<Record<number, number>>
  readonly floodMs: number
}

const { port, slow } = JSON.parse(process.argv[2] ?? '{}') as FloodOptions
/** How many others there are at a time: more than one address may have. How long each stays and is away, in milliseconds. */
const burst = 1_100
const stayMs = 2_000
const awayMs = 20
const dripMs = 300

// n.b. an address of its own, which Linux takes from 127.0.0.0/8: the others on this machine keep their share
const open = (): { readonly socket: Socket; readonly ended: Promise<number> } => {
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  let code = -1
  const input = parser(
    'client',
    () => 0x7fff_ffff,
    (type, _flags, _id, from, _meta, body, end) => {
      if (type === frameType.goaway) code = decodeGoaway(from, body, end).code
    },
    () => undefined,
    () => undefined,
  )
  socket.on('data', input.push)
  socket.on('error', () => undefined)
  return { socket, ended: new Promise((resolve) => void socket.on('close', () => resolve(code))) }
}
const count = (codes: ReadonlyArray<number>): Record<number, number> => {
  const all: Record<number, number> = {}
  for (const code of codes) all[code] = (all[code] ?? 0) + 1
  return all
}

const words = hello()
const crowd = Array.from({ length: slow }, open)
let gone = 0
for (const { socket, ended } of crowd) {
  let said = 0
  const drip = setInterval(() => void socket.write(words.subarray(said, ++said)), dripMs)
  void ended.then(() => {
    clearInterval(drip)
    gone += 1
  })
}
await until('all of them are connected', () => crowd.every(({ socket }) => !socket.connecting))
process.stdout.write('ready\n')

const began = performance.now()
const floods: Array<number> = []
const lane = async (): Promise<void> => {
  while (gone < slow) {
    const { socket, ended } = open()
    await Promise.race([ended, pause(stayMs)])
    // n.b. without a goodbye of ours, and so without ports that stay taken
    socket.resetAndDestroy()
    floods.push(await ended)
    await pause(awayMs)
  }
}
const over = Promise.all(Array.from({ length: burst }, lane))
const codes = await Promise.all(crowd.map(({ ended }) => ended))
const floodMs = Math.round(performance.now() - began)
await over
const heard: Heard = { slow: count(codes), flood: count(floods), floodMs }
process.stdout.write(`heard ${JSON.stringify(heard)}\n`)

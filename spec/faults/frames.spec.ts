/** Peers on TCP that do not speak the protocol, speak it wrong, or speak it byte by byte. */
import { connect } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import * as E from 'fp-ts/lib/Either.js'
import { expect } from 'vitest'
import { freePort } from '../brokers/port.js'
import { decodeGoaway } from '../../lib/transport/tcp/control.js'
import { closeCode, frameType, type CloseCode } from '../../lib/transport/tcp/frame.js'
import { parser } from '../../lib/transport/tcp/parser.js'
import { each } from '../../lib/testing/conformance/emit.js'
import { fuzz } from '../transport/tcp/fuzzing.js'
import { bytesOf, call as callFrame, hello } from '../transport/tcp/raw.js'
import { cast } from './cast.js'
import { fault, type Trial } from './fault.js'
import { ask, patterns } from './load.js'

const head = (length: number, type: number, metaLength = 0, id = 0): Buffer => {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt32BE(length, 0)
  bytes[4] = type
  bytes.writeUInt16BE(metaLength, 6)
  bytes.writeUInt32BE(id, 8)
  return bytes
}

/** What is no frame, whether a handshake comes before it, and what the goodbye says of it. */
const wrongs: ReadonlyArray<readonly [what: string, welcome: boolean, bytes: Buffer, code: CloseCode]> = [
  ['another protocol', false, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), closeCode.tooLarge],
  ['bad magic', false, bytesOf(frameType.hello, 0, [], 'MSG2\u0001\u0001'), closeCode.protocol],
  ['a request before its hello', false, callFrame(1), closeCode.protocol],
  ...[false, true].flatMap((welcome) => {
    const when = welcome ? ' after the welcome' : ''
    return [
      [`a length of 0${when}`, welcome, head(0, frameType.request), closeCode.protocol],
      [`a length below the header${when}`, welcome, head(7, frameType.request), closeCode.protocol],
      [`a length of -1${when}`, welcome, head(0xffff_ffff, frameType.request), closeCode.tooLarge],
      [`a length of -2^31${when}`, welcome, head(0x8000_0000, frameType.request), closeCode.tooLarge],
      [`a length of 2^31-1${when}`, welcome, head(0x7fff_ffff, frameType.request), closeCode.tooLarge],
      [`metadata longer than the frame${when}`, welcome, head(20, frameType.hello, 13), closeCode.protocol],
      [`an unknown type${when}`, welcome, bytesOf(0x7f, 0), closeCode.protocol],
    ] as const
  }),
  ['metadata without an end', true, bytesOf(frameType.request, 1, Buffer.from([1, 255, 255, 255])), closeCode.protocol],
  ['an id twice', true, Buffer.concat([callFrame(1), callFrame(1)]), closeCode.protocol],
  ['a second hello', true, hello(), closeCode.protocol],
]

interface Heard {
  /** Of the goodbye; -1: it was closed without one. */
  readonly code: number
  readonly replies: number
}

/** Says hello where that is wanted, then its bytes, `size` at a time; resolves when it is closed, or has its reply. */
const attack = (port: number, welcome: boolean, bytes: Buffer, size = bytes.length): Promise<Heard> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let code = -1
    let replies = 0
    const say = async (all: Buffer): Promise<void> => {
      for (let at = 0; at < all.length && !socket.destroyed; at += size) {
        socket.write(all.subarray(at, at + size))
        await new Promise(setImmediate)
      }
    }
    const input = parser(
      'client',
      () => 0x7fff_ffff,
      (type, _flags, _id, from, _meta, body, end) => {
        if (type === frameType.welcome) void say(bytes)
        if (type === frameType.goaway) code = decodeGoaway(from, body, end).code
        if (type === frameType.reply) {
          replies += 1
          socket.destroy()
        }
      },
      () => undefined,
      () => undefined,
    )
    socket.on('connect', () => void say(welcome ? hello() : bytes))
    socket.on('data', input.push)
    socket.on('error', () => undefined)
    socket.on('close', () => resolve({ code, replies }))
  })

/** A server, and a client that is served by it all the while; `work` gets the port. */
const meanwhile = async (trial: Trial, work: (port: number) => Promise<void>): Promise<void> => {
  const { page, figure } = trial
  const port = await freePort()
  const { serve, call } = cast(trial, 'tcp', `tcp://127.0.0.1:${port}`)
  await serve()
  const client = call()
  await ask(client, page, 0)
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  let over = false
  const served = (async () => {
    let answered = 0
    for (; !over; answered++) expect(await ask(client, page, answered)).toEqual(E.right(answered))
    return answered
  })()
  await work(port).finally(() => {
    over = true
  })
  figure('requestsAnsweredMeanwhile', await served)
  delay.disable()
  figure('eventLoopP50Ms', Math.round(delay.percentile(50) / 1e6))
  figure('eventLoopP99Ms', Math.round(delay.percentile(99) / 1e6))
  figure('eventLoopMaxMs', Math.round(delay.max / 1e6))
}

fault(
  'F16',
  'tcp',
  'A peer that sends what is no frame is sent away with the reason, and whoever behaves is served all the while.',
  (trial) =>
    meanwhile(trial, async (port) => {
      const times = 50
      let closed = 0
      for (const [what, welcome, bytes, code] of wrongs) {
        trial.fault(`${what}, ${times} times`)
        await each({ to: times, window: 25 }, async () => {
          expect(await attack(port, welcome, bytes), what).toEqual({ code, replies: 0 })
          closed += 1
        })
      }
      trial.figure('peersSentAway', closed)
    }),
  { memoryMiB: 96 },
)

fault(
  'F16',
  'tcp',
  'A peer that sends byte by byte is heard out like any other.',
  (trial) =>
    meanwhile(trial, async (port) => {
      trial.fault('200 peers say hello and ask byte by byte')
      const question = callFrame(1, patterns.request, '7', 60_000)
      await each({ to: 200, window: 50 }, async () => {
        expect(await attack(port, true, question, 1)).toEqual({ code: -1, replies: 1 })
      })
    }),
  { variant: 'bytes', memoryMiB: 96 },
)

fault(
  'F16',
  'tcp',
  'Of a million frames, many of them broken at random, none makes a connection throw, write after its goodbye or keep memory.',
  async ({ fault: note, figure }) => {
    const seed = Number(process.env['FAULT_SEED'] ?? Date.now() % 1_000_000_000)
    note(`a million frames from the seed ${seed}`)
    const { frames, connections, answers, closes, grown } = await fuzz(1_000_000, seed)
    figure('seed', seed)
    figure('frames', frames)
    figure('connections', connections)
    figure('answers', answers)
    figure('grownAfterTheFirstTenthKiB', Math.round(grown / 1_024))
    expect(frames).toBeGreaterThanOrEqual(1_000_000)
    expect(answers).toBeGreaterThan(100_000)
    expect(closes.get(closeCode.protocol)).toBeGreaterThan(10_000)
    expect(grown).toBeLessThan(16 * 1_048_576)
  },
  { variant: 'mutations', limitMs: 600_000 },
)

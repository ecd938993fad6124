/** Too many peers on TCP, and peers that do not read: what they cost the others. */
import { connect } from 'node:net'
import { existsSync, readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createClient, createMicroservice, listen } from 'taskwire'
import { tcp } from 'taskwire/tcp'
import { expect, onTestFinished } from 'vitest'
import { freePort } from '../brokers/port.js'
import { closeCode, frameType } from '../../lib/transport/tcp/frame.js'
import { parser } from '../../lib/transport/tcp/parser.js'
import { each } from '../../lib/testing/conformance/emit.js'
import { call as callFrame, hello } from '../transport/tcp/raw.js'
import { cast } from './cast.js'
import { fault, type Trial } from './fault.js'
import type { FloodOptions, Heard } from './flood.js'
import { launch } from './launch.js'
import { ask } from './load.js'

/** Milliseconds from call to answer. */
const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now()
  await work()
  return performance.now() - began
}
const rounded = (value: number): number => Math.round(value * 10) / 10
const at = (share: number, all: ReadonlyArray<number>): number =>
  [...all].sort((a, b) => a - b)[Math.floor(all.length * share)] ?? 0
/** What callers notice, in milliseconds. */
const notice = (figure: Trial['figure'], before: ReadonlyArray<number>, meanwhile: ReadonlyArray<number>): void => {
  for (const [name, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    figure(`${name}BeforeMs`, rounded(at(share, before)))
    figure(`${name}MeanwhileMs`, rounded(at(share, meanwhile)))
    figure(`${name}Ratio`, rounded(at(share, meanwhile) / at(share, before)))
  }
}

/** Of a process, in MiB; 0 where there is no /proc. */
const memoryOf = (pid: number): number => {
  const path = `/proc/${pid}/status`
  return existsSync(path) ? Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(path, 'utf8'))?.[1]) / 1_024) : 0
}

fault(
  'F18',
  'tcp',
  'A thousand peers that take their time to say hello, and a flood of others, are sent away, while those who were there are served and a newcomer from elsewhere is let in.',
  async (trial) => {
    const { page, until, figure } = trial
    const port = await freePort()
    const { spawn, call } = cast(trial, 'tcp', `tcp://127.0.0.1:${port}`)
    const server = await spawn({ by: 'server' })
    const client = call()
    const slow = 1_000
    let n = 0
    const one = async (): Promise<number> =>
      timed(async () => expect(E.isRight(await ask(client, page, n++))).toBe(true))
    const before: Array<number> = []
    await each({ to: 2_000, window: 4 }, async () => void before.push(await one()))
    const memory = memoryOf(server.pid)

    trial.fault(`${slow} sockets that say hello byte by byte, and a flood of connections beside them`)
    const options: FloodOptions = { by: 'the flood', port, slow }
    const flood = await launch(new URL('flood.ts', import.meta.url), options)
    onTestFinished(async () => {
      flood.signal('SIGKILL')
      await flood.ended
    })
    const meanwhile: Array<number> = []
    let memoryMost = memory
    const lane = async (): Promise<void> => {
      while (flood.running()) meanwhile.push(await one())
    }
    const lanes = Promise.all([1, 2, 3, 4].map(lane))
    expect(await ask(call(), page, 7)).toEqual(E.right(7))
    await until(
      () => `the crowd is gone: ${flood.output()}`,
      () => {
        memoryMost = Math.max(memoryMost, memoryOf(server.pid))
        return !flood.running()
      },
    )
    await lanes
    const heard = JSON.parse(/heard (.*)/.exec(flood.output())?.[1] ?? '{}') as Heard
    const floods = Object.values(heard.flood).reduce((a, b) => a + b, 0)
    figure('slowPeersToldWhy', heard.slow[closeCode.helloTimeout] ?? 0)
    figure('floodConnectionsPerSecond', Math.round((1_000 * floods) / heard.floodMs))
    figure('floodConnectionsRefused', heard.flood[closeCode.tooManyConnections] ?? 0)
    notice(figure, before, meanwhile)
    figure('serverGrownMiB', memoryMost - memory)
    // n.b. on a busy machine a goodbye may be overtaken by the end of its connection
    expect(Object.values(heard.slow).reduce((a, b) => a + b, 0)).toBe(slow)
    expect(heard.slow[closeCode.helloTimeout] ?? 0).toBeGreaterThan(0)
    expect(heard.flood[closeCode.tooManyConnections] ?? 0).toBeGreaterThan(0)
    expect(memoryMost - memory).toBeLessThan(256)
    expect(await ask(client, page, 8)).toEqual(E.right(8))
  },
)

fault(
  'F19',
  'tcp',
  'Peers that ask and do not read cost no more than their send buffers and are cut off, and no other peer notices.',
  async ({ fault: note, figure, page, until }) => {
    const port = await freePort()
    const limits = { sendBufferBytes: 1_048_576, stalledTimeout: 3_000 }
    const body = 'x'.repeat(100_000)
    const wire = tcp({ port, limits })
    const service = createMicroservice('large', { concurrency: 500 })
      .transport(wire)
      .onMessage('large', t.unknown, () => TE.right(body))
      .onMessage('small', t.number, (n) => TE.right(n), { reply: t.number })
    const lines: Array<string> = []
    const running = await listen(service, { log: (line) => lines.push(line), drainTimeout: 1_000 })()
    if (E.isLeft(running)) throw new Error(running.left._tag)
    onTestFinished(() => running.right.stop().then(() => undefined))
    const client = createClient(wire)
    onTestFinished(() => client.close())
    let n = 0
    const one = (): Promise<number> =>
      timed(async () => {
        const own = n++
        expect(await page.call(10_000, client.send('small', own, t.number))).toEqual(E.right(own))
      })
    const before: Array<number> = []
    await each({ to: 1_000, window: 4 }, async () => void before.push(await one()))

    const peers = 20
    const asked = 250
    note(`${peers} peers ask for ${asked} times 100 kB each, and read nothing`)
    const sockets = Array.from({ length: peers }, () => {
      const socket = connect({ port, host: '127.0.0.1' })
      onTestFinished(() => void socket.destroy())
      const input = parser(
        'client',
        () => 0x7fff_ffff,
        (type) => {
          if (type !== frameType.welcome) return
          socket.pause()
          for (let id = 1; id <= asked; id++) socket.write(callFrame(id, 'large', 'null', 60_000))
        },
        () => undefined,
        () => undefined,
      )
      socket.on('data', input.push)
      socket.on('error', () => undefined)
      socket.write(hello())
      return socket
    })
    const began = performance.now()
    const meanwhile: Array<number> = []
    await until('all of them are cut off', async () => {
      meanwhile.push(await one())
      // n.b. who does not read hears of the end only when it writes
      if (lines.some((line) => line.includes('has stopped reading')))
        for (const socket of sockets) if (socket.writable) socket.write('?')
      return sockets.every((socket) => socket.destroyed)
    })
    figure('allCutOffAfterMs', Math.round(performance.now() - began))
    figure('bytesAskedForMiB', Math.round((peers * asked * body.length) / 1_048_576))
    notice(figure, before, meanwhile)
  },
  { memoryMiB: 192 },
)

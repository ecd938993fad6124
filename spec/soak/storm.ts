/** Faults, one after another in each of three places: the broker, the network, and the replicas. So several come at once. */
import type { Broker } from '../brokers/broker.js'
import type { Child } from '../brokers/child.js'
import type { Direction, FaultProxy } from '../brokers/proxy.js'
import { pause } from '../faults/waiting.js'
import type { Herd } from './herd.js'
import { chance, type Chance } from './chance.js'

/** What is broken. */
export interface Scene {
  readonly broker: Broker
  readonly proxy: FaultProxy
  readonly herd: Herd
  /** The replica that lives through it all. It may be frozen. */
  readonly steady: Child
}

/** A fault that is over, and mended, when it resolves. `tell` says what is done. */
type Fault = (scene: Scene, chance: Chance, tell: (what: string) => void) => Promise<void>

const some = (chance: Chance, low: number, high: number): number => Math.round(chance.between(low, high))
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`

const gone =
  (signal: string, end: (scene: Scene) => Promise<unknown>): Fault =>
  async (scene, chance, tell) => {
    const ms = some(chance, 0, 3_000)
    tell(`${signal} of the broker, and a start after ${seconds(ms)}`)
    await end(scene)
    await pause(ms)
    await scene.broker.restart()
  }

/** Where something is done to the broker's process, and for how long it is gone or still. */
const brokerFaults: readonly [Fault, ...ReadonlyArray<Fault>] = [
  gone('SIGKILL', ({ broker }) => broker.kill()),
  gone('SIGTERM', ({ broker }) => broker.terminate()),
  async ({ broker }, chance, tell) => {
    const ms = some(chance, 200, 12_000)
    tell(`broker frozen for ${seconds(ms)}`)
    broker.freeze()
    await pause(ms)
    broker.thaw()
  },
]

const directions: readonly [Direction, Direction] = ['up', 'down']
const towards = (direction: Direction): string => (direction === 'up' ? 'to the broker' : 'to the clients')

const networkFaults: readonly [Fault, ...ReadonlyArray<Fault>] = [
  async ({ proxy }, chance, tell) => {
    const direction = chance.pick([undefined, ...directions])
    const ms = some(chance, 500, 12_000)
    tell(`black hole ${direction === undefined ? 'both ways' : towards(direction)} for ${seconds(ms)}`)
    proxy.hold(direction)
    await pause(ms)
    proxy.release(direction)
  },
  async ({ proxy }, chance, tell) => {
    const direction = chance.pick(directions)
    const bytes = some(chance, 1, 100_000)
    tell(`a connection cut after ${bytes} bytes ${towards(direction)}`)
    proxy.cutAfter(bytes, direction)
  },
  async ({ proxy }, _, tell) => {
    tell('reset of every connection')
    proxy.reset()
  },
  async ({ proxy }, chance, tell) => {
    const direction = chance.pick(directions)
    tell(`end of every connection ${towards(direction)}`)
    proxy.halfClose(direction)
  },
  async ({ proxy }, _, tell) => {
    tell('every connection silent for good')
    proxy.abandon()
  },
  async ({ proxy }, chance, tell) => {
    const delay = some(chance, 20, 500)
    const ms = some(chance, 1_000, 8_000)
    tell(`latency of ${delay} ms for ${seconds(ms)}`)
    proxy.latency(delay)
    await pause(ms)
    proxy.latency(0)
  },
  async ({ proxy }, chance, tell) => {
    const ms = some(chance, 200, 6_000)
    tell(`no connections for ${seconds(ms)}`)
    await proxy.down()
    await pause(ms)
    await proxy.up()
  },
]

/** As many as there are replicas beside the steady one at most. */
const most = 3

const killed: Fault = async ({ herd }, chance, tell) => {
  const victims = chance.next() < 0.3 ? herd.size() : 1
  tell(`SIGKILL of ${victims} of ${herd.size() + 1} replicas`)
  for (let count = 0; count < victims; count += 1) herd.take(chance.next())?.signal('SIGKILL')
}

const stopped: Fault = async ({ herd }, chance, tell) => {
  tell(`SIGTERM of 1 of ${herd.size() + 1} replicas`)
  const one = herd.take(chance.next())
  if (one !== undefined) await herd.stop(one)
}

const frozen: Fault = async ({ herd, steady }, chance, tell) => {
  const ms = some(chance, 200, 15_000)
  const one = chance.next() < 0.3 ? steady : herd.look(chance.next())
  tell(`${one === steady ? 'the steady replica' : '1 replica'} frozen for ${seconds(ms)}`)
  one?.signal('SIGSTOP')
  await pause(ms)
  one?.signal('SIGCONT')
}

const more: Fault = async ({ herd }, _, tell) => {
  tell(`another replica, the ${herd.size() + 2}.`)
  await herd.add()
}

const replicaFault: Fault = (scene, chance, tell) => {
  const size = scene.herd.size()
  const all =
    size === 0
      ? ([more] as const)
      : size >= most
        ? ([killed, stopped, frozen] as const)
        : ([killed, stopped, frozen, more, more] as const)
  return chance.pick<Fault>(all)(scene, chance, tell)
}

/** Milliseconds between the end of a fault and the next in the same place. */
const gaps = { broker: [10_000, 40_000], network: [4_000, 16_000], replicas: [2_000, 8_000] } as const

/** What is told of a fault: that it begins, and that it is over. */
export interface Telling {
  readonly begun: (what: string) => void
  readonly over: (what: string) => void
}

/** Breaks things for so long; everything is mended when it resolves. The same seed chooses the same faults, in the same order. */
export const storm = async (scene: Scene, seed: number, ms: number, { begun, over }: Telling): Promise<void> => {
  const end = performance.now() + ms
  const place = async (name: keyof typeof gaps, choose: (chance: Chance) => Fault): Promise<void> => {
    const own = chance(seed, name)
    const gap = (): number => own.between(gaps[name][0], gaps[name][1])
    for (let wait = gap(); performance.now() + wait < end; wait = gap()) {
      await pause(wait)
      let what = ''
      await choose(own)(scene, own, (told) => begun((what = told)))
      over(what)
    }
  }
  await Promise.all([
    place('broker', (own) => own.pick(brokerFaults)),
    place('network', (own) => own.pick(networkFaults)),
    place('replicas', () => replicaFault),
  ])
  await scene.proxy.heal()
  await pause(Math.max(0, end - performance.now()))
}

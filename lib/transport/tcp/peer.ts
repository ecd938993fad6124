/** One endpoint, on the client: its connection now, the one before it, and when to dial again. */
import type { Address, Environment, Failing } from '../transport.js'
import type { Calls } from './call.js'
import { link } from './link.js'
import type { Ending, Link, LinkOptions } from './link.js'

export interface Peer {
  readonly address: Address
  /** The connection that takes calls. */
  readonly link: () => Link | undefined
  /** Calls that belong here by their ordering key and wait for room. */
  readonly held: Calls
  /**
   * `asleep`: nobody dials, until a call comes. `dialling`: an attempt is under way. `waiting`: for the next attempt;
   * `failed` has the last one's end.
   */
  readonly state: () => 'asleep' | 'dialling' | 'ready' | 'waiting' | 'closed'
  /** Attempts that failed and connections that were lost, in all, and the end of the last one. */
  readonly failures: () => number
  readonly failed: () => Ending | undefined
  /** Dials, unless it is connected or dialling: now, or after the back-off where it was asleep. */
  readonly wake: () => void
  readonly check: (time: number) => void
  readonly close: (answer: Failing) => Promise<void>
}

export interface PeerOptions extends Omit<LinkOptions, 'ready' | 'retiring' | 'ended' | 'room' | 'nobody'> {
  readonly environment: Environment
  readonly held: Calls
  /** Something about it has changed: `link`, `state`, `failures`. */
  readonly changed: (peer: Peer) => void
  readonly room: (peer: Peer) => void
  readonly nobody: (peer: Peer, ...told: Parameters<LinkOptions['nobody']>) => void
}

/** An address as text. */
export const where = ({ host, port }: Address): string => `${host}:${String(port)}`

const firstDelay = 100
// However long a server was away, its clients are back within seconds.
const longestDelay = 3_000
const unauthorizedDelay = 30_000
const stable = 10_000
// A connection that was let go after so long, because it was not used, may be dialled again at once.
const rested = 1_000

export const peer = (options: PeerOptions): Peer => {
  const { clock, random } = options.environment
  const links = new Set<Link>()
  let current: Link | undefined
  let state: ReturnType<Peer['state']> = 'asleep'
  let attempts = 0
  let failures = 0
  let failed: Ending | undefined
  let readyAt = 0
  let welcomedAt = 0
  // Asleep: not to be dialled before.
  let earliest = 0
  let cancel: (() => void) | undefined
  let closed: (() => void) | undefined

  const wait = (delay: number): void => {
    state = 'waiting'
    cancel = clock.after(delay, dial, true)
  }

  // Full jitter, so that the clients of a server that comes back do not come back together.
  const jitter = (): number => random() * Math.min(longestDelay, firstDelay * 2 ** Math.min(attempts - 1, 20))

  const backOff = (ending: Ending): void => {
    const now = clock.now()
    if (ending.idle && now - welcomedAt > rested) attempts = 0
    attempts += 1
    if (ending.idle) {
      earliest = attempts === 1 ? 0 : now + jitter()
      state = 'asleep'
      return
    }
    wait(ending.unauthorized ? (unauthorizedDelay * (1 + random())) / 2 : jitter())
  }

  const dial = (): void => {
    cancel?.()
    cancel = undefined
    if (state === 'closed') return
    state = 'dialling'
    const made: Link = link({
      ...options,
      ready: () => {
        if (current !== made) return
        state = 'ready'
        failed = undefined
        readyAt = options.time()
        welcomedAt = clock.now()
        options.changed(self)
      },
      retiring: () => {
        if (current !== made) return
        current = undefined
        if (state === 'closed') return
        // At once, but not time and again to a server that welcomes and leaves.
        attempts += 1
        if (attempts === 1) dial()
        else wait(jitter())
        options.changed(self)
      },
      ended: (ending) => {
        links.delete(made)
        if (state === 'closed') {
          if (links.size === 0) closed?.()
          return
        }
        if (current !== made) return
        current = undefined
        failures += 1
        failed = ending
        backOff(ending)
        options.changed(self)
      },
      room: () => {
        if (current === made) options.room(self)
      },
      nobody: (call, answer) => {
        options.nobody(self, call, answer)
      },
    })
    links.add(made)
    current = made
  }

  const self: Peer = {
    address: options.address,
    link: () => (state === 'ready' ? current : undefined),
    held: options.held,
    state: () => state,
    failures: () => failures,
    failed: () => failed,
    wake: () => {
      const early = earliest - clock.now()
      if (state === 'asleep' && early > 0) wait(early)
      else if (state === 'asleep' || state === 'waiting') dial()
    },
    check: (time) => {
      if (state === 'ready' && time - readyAt > stable) attempts = 0
      for (const one of links) one.check(time)
    },
    close: (answer) => {
      state = 'closed'
      cancel?.()
      current = undefined
      const gone = new Promise<void>((done) => {
        closed = done
      })
      if (links.size === 0) closed?.()
      for (const one of links) one.close(answer)
      return gone
    },
  }
  return self
}

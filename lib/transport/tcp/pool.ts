/** The client: calls to the connections of all endpoints, and into a bounded queue while none has room. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { ConnectError } from '../../core/error.js'
import type { Address, Answer, Cancel, Environment, Failing, Outgoing, Status } from '../transport.js'
import { choose, rendezvous } from './balance.js'
import { crowded, larger, outOfBounds } from './bounds.js'
import { callOf, calls } from './call.js'
import type { Call, Calls, Tally } from './call.js'
import { dial } from './dial.js'
import { failing, transportFailed } from './failing.js'
import { idBound } from './frame.js'
import { tickInterval } from './limits.js'
import type { Settings } from './options.js'
import { moreMeta, patternEntries } from './outgoing.js'
import { peer, where } from './peer.js'
import type { Peer } from './peer.js'
import { ticker, turnClock } from './tick.js'
import { outcome } from './warm.js'
import { slabs } from './writer.js'

export interface Pool {
  /** Sends a message or lets it wait; the result cancels. */
  readonly submit: (kind: Call['kind'], message: Outgoing, answer: (answer: Answer) => void) => Cancel
  readonly warm: () => Promise<Either<ConnectError, void>>
  readonly close: () => Promise<void>
}

export interface PoolOptions {
  readonly settings: Settings
  readonly environment: Environment
  /** Where to dial now: another array as soon as it changes. */
  readonly endpoints: () => ReadonlyArray<Address>
  readonly status: (status: Status) => void
  /** From which frame id on a connection is replaced. Default: long before the ids end. */
  readonly renewAt?: number
}

const defaultRenewAt = idBound - 0x10_0000
const nothing: Cancel = () => 'no'
// Calls that seek a handler are looked at a few at a time, or thousands of them would be at every answer.
const seekAtOnce = 32
const first = (one: Peer): boolean => one.state() === 'dialling' && one.failures() === 0

export const pool = (options: PoolOptions): Pool => {
  const { settings, environment } = options
  const { limits } = settings
  const { clock, random } = environment
  const tally: Tally = { count: 0, bytes: 0 }
  const queue = calls(tally)
  // Calls that some endpoints have no handler for.
  const seeking = calls(tally)
  const shared = slabs()
  const patternEntry = patternEntries()
  let known: ReadonlyArray<Address> = []
  let peers: ReadonlyArray<Peer> = []
  let ready: ReadonlyArray<Peer> = []
  // Where ordering keys may live: those that are dialled for the first time too, so that a key does not move at the start.
  let homes: ReadonlyArray<Peer> = []
  let awake = false
  let wasReady = false
  let closing: Promise<void> | undefined
  let waiters: ReadonlyArray<() => void> = []
  const retired = new Set<Promise<void>>()

  const now = turnClock(clock)
  const ticks = ticker(clock, tickInterval(limits), (time) => {
    for (const one of peers) one.check(time)
    shared.tidy()
  })

  const settle = (call: Call, answer: Failing): void => {
    call.queue?.remove(call)
    if (call.over) return
    call.over = true
    call.answer(answer)
  }

  const drop = (from: Calls, answer: (call: Call) => Failing): void => {
    for (let call = from.first(); call !== undefined; call = from.first()) settle(call, answer(call))
  }

  const nobody = (call: Call): Failing => failing({ _tag: 'NoHandler', pattern: call.message.pattern })

  const wait = (call: Call, place: Calls): void => {
    if (call.queuedAt < 0) call.queuedAt = now()
    place.add(call)
  }

  const write = (call: Call, to: Peer): void => {
    const link = to.link()
    if (link === undefined) return wait(call, queue)
    call.queue?.remove(call)
    const most = link.maxBody()
    if (larger(call.message.body, most)) settle(call, failing({ _tag: 'MessageTooLarge', limitBytes: most }))
    else link.send(call)
  }

  const free = (one: Peer): boolean => one.link()?.free() === true

  const untried = (call: Call): ReadonlyArray<Peer> => peers.filter((one) => !call.tried.includes(one))

  // A call that has met no handler yet goes to the next endpoint, waits for one that is being dialled for the first
  // time, and is over when there is none.
  const seek = (call: Call): void => {
    const left = untried(call)
    const there = choose(
      left.filter((one) => one.link() !== undefined),
      random,
    )
    if (there !== undefined && free(there)) write(call, there)
    else if (there !== undefined || left.some(first)) {
      if (call.queue === undefined) wait(call, seeking)
    } else settle(call, nobody(call))
  }

  const seekAll = (most: number): void => {
    let call = seeking.first()
    for (let count = 0; call !== undefined && count < most; count++) {
      const next: Call | undefined = call.after
      seek(call)
      call = next
    }
  }

  const pump = (to: Peer): void => {
    if (tally.count === 0) return
    for (let call = to.held.first(); call !== undefined && free(to); call = to.held.first()) write(call, to)
    seekAll(seekAtOnce)
    for (let call = queue.first(); call !== undefined && free(to); call = queue.first()) {
      const { key } = call.message
      const home = key === undefined ? to : (rendezvous(homes, key) ?? to)
      if (free(home)) write(call, home)
      else {
        queue.remove(call)
        home.held.add(call)
      }
    }
  }

  const place = (call: Call): void => {
    const { key } = call.message
    const to = key === undefined ? choose(ready, random) : rendezvous(homes, key)
    if (to === undefined) return wait(call, queue)
    if (tally.count === 0 && free(to)) return write(call, to)
    wait(call, key === undefined ? queue : to.held)
    for (const one of ready) if (free(one)) pump(one)
  }

  const unauthorized = (): Failing | undefined =>
    peers.length > 0 && peers.every((one) => one.state() === 'waiting' && one.failed()?.unauthorized === true)
      ? failing({ _tag: 'Unauthorized', message: peers[0]?.failed()?.reason ?? '' })
      : undefined

  const look = (): void => {
    ready = peers.filter((each) => each.link() !== undefined)
    homes = peers.filter((each) => each.link() !== undefined || first(each))
  }

  const take = (from: Calls): ReadonlyArray<Call> => {
    const taken: Array<Call> = []
    for (let call = from.first(); call !== undefined; call = from.first()) {
      from.remove(call)
      taken.push(call)
    }
    return taken
  }

  const changed = (one: Peer): void => {
    if (one.state() === 'asleep' && tally.count > 0) one.wake()
    look()
    awake = awake && one.state() !== 'asleep'
    if (closing !== undefined) return
    if (ready.length > 0) options.status('ready')
    else if (wasReady) options.status('lost')
    wasReady ||= ready.length > 0
    // n.b. all of them are taken first: some may have to wait at the same place again
    if (one.link() === undefined) for (const call of take(one.held)) place(call)
    const refused = unauthorized()
    if (refused !== undefined) drop(queue, () => refused)
    seekAll(Infinity)
    pump(one)
    for (const check of waiters) check()
  }

  const made = (address: Address): Peer =>
    peer({
      settings,
      environment,
      address,
      dial,
      slabs: shared,
      time: ticks.time,
      now,
      patternEntry,
      renewAt: options.renewAt ?? defaultRenewAt,
      held: calls(tally),
      changed,
      room: pump,
      nobody: (from, call, answer) => {
        call.tried = [...call.tried, from]
        if (peers.length === 1) settle(call, answer)
        else seek(call)
      },
    })

  // Takes over the endpoints of now; those that are gone say goodbye to what they have.
  const wake = (): void => {
    const next = options.endpoints()
    if (next !== known) {
      known = next
      const before = peers
      peers = next.map((address) => before.find((one) => where(one.address) === where(address)) ?? made(address))
      for (const gone of before)
        if (!peers.includes(gone)) {
          const left = gone.close(failing({ _tag: 'Disconnected', maybeProcessed: true }, 'maybe', 0))
          retired.add(left)
          void left.then(() => retired.delete(left))
          changed(gone)
        }
    }
    awake = true
    if (peers.length > 0) ticks.start()
    for (const one of peers) if (one.state() === 'asleep') one.wake()
    look()
  }

  const nowhere = transportFailed(settings.name, 'there is nowhere to connect to: set port, or endpoints')

  const refusal = (message: Outgoing, more: Buffer | undefined): Failing | undefined =>
    closing !== undefined
      ? failing({ _tag: 'Closed' })
      : peers.length === 0
        ? failing(nowhere)
        : (outOfBounds(message, more, limits) ??
          (ready.length > 0 && tally.count === 0 ? undefined : (crowded(message, tally, limits) ?? unauthorized())))

  return {
    submit: (kind, message, answer) => {
      if (closing === undefined && (!awake || options.endpoints() !== known)) wake()
      const more = moreMeta(message)
      const refused = refusal(message, more)
      if (refused !== undefined) {
        answer(refused)
        return nothing
      }
      const call = callOf(kind, message, answer, more)
      place(call)
      return () => {
        if (call.over) return 'maybe'
        const written = call.queue === undefined
        if (call.queue === undefined) call.link?.cancel(call)
        else call.queue.remove(call)
        call.over = true
        return written ? 'maybe' : 'no'
      }
    },

    warm: () => {
      if (closing !== undefined)
        return Promise.resolve(E.left(transportFailed(settings.name, 'the connection is closed')))
      wake()
      if (peers.length === 0) return Promise.resolve(E.left(nowhere))
      const before = new Map(peers.map((one) => [one, one.failures()]))
      for (const one of peers) one.wake()
      return new Promise((resolve) => {
        const check = (): void => {
          const found = outcome(settings.name, peers, before)
          if (found === undefined) return
          waiters = waiters.filter((one) => one !== check)
          resolve(found)
        }
        waiters = [...waiters, check]
        check()
      })
    },

    close: () => {
      if (closing !== undefined) return closing
      const answer = failing({ _tag: 'Closed' })
      closing = Promise.resolve()
      for (const one of [queue, seeking, ...peers.map(({ held }) => held)]) drop(one, () => answer)
      closing = Promise.all([...retired, ...peers.map((one) => one.close({ ...answer, processed: 'maybe' }))]).then(
        () => {
          ticks.stop()
        },
      )
      for (const check of waiters) check()
      return closing
    },
  }
}

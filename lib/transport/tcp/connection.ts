/** A server and a client behind the port's `Connection`. */
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { ReplaySubject } from 'rxjs'
import type { Address, Connection, Environment, Status } from '../transport.js'
import type { TcpContext } from './context.js'
import { transportFailed } from './failing.js'
import { dialled } from './options.js'
import type { Settings } from './options.js'
import { pool } from './pool.js'
import { listen } from './server.js'
import type { Listening } from './server.js'

/** Where servers of one transport value listen, for its clients without `endpoints`. */
export interface Bound {
  readonly all: () => ReadonlyArray<Address>
  readonly add: (address: Address) => void
  readonly remove: (address: Address) => void
}

export const bound = (): Bound => {
  let all: ReadonlyArray<Address> = []
  return {
    all: () => all,
    add: (address) => {
      all = [...all, address]
    },
    remove: (address) => {
      all = all.filter((one) => one !== address)
    },
  }
}

/** Opens nothing yet: listening begins with `subscribe`, dialling with the first call. */
export const connection = (
  settings: Settings,
  environment: Environment,
  here: Bound,
  renewAt?: number,
): Connection<TcpContext<string>> => {
  // n.b. replays its last value after it has completed too
  const statuses = new ReplaySubject<Status>(1)
  let status: Status = 'connecting'
  statuses.next(status)
  const own: ReadonlyArray<Address> = settings.port === 0 ? [] : [{ host: dialled(settings.host), port: settings.port }]
  let listening: Listening | undefined
  let subscribed = false
  let closed: Promise<void> | undefined

  const become = (next: Status): void => {
    if (status === next || status === 'closed') return
    status = next
    statuses.next(next)
  }

  const endpoints = (): ReadonlyArray<Address> => {
    if (settings.endpoints !== undefined) return settings.endpoints
    return settings.port === 0 ? here.all() : own
  }

  const client = pool({
    settings,
    environment,
    endpoints,
    status: (next) => {
      if (!subscribed) become(next)
    },
    ...(renewAt === undefined ? {} : { renewAt }),
  })

  const close = async (): Promise<void> => {
    if (listening !== undefined) here.remove(listening.address)
    await Promise.all([client.close(), listening?.close()])
    become('closed')
    statuses.complete()
  }

  return {
    subscribe: (subscriptions, deliver) => async () => {
      if (closed !== undefined) return E.left(transportFailed(settings.name, 'the connection is closed'))
      if (subscribed) return E.left(transportFailed(settings.name, 'this connection listens already'))
      subscribed = true
      const found = await listen(settings, environment, subscriptions, deliver)
      if (E.isLeft(found)) {
        subscribed = false
        return found
      }
      const server = found.right
      if (closed !== undefined) {
        await server.close()
        return E.left(transportFailed(settings.name, 'the connection is closed'))
      }
      listening = server
      const { address } = server
      here.add({ ...address, host: dialled(address.host) })
      become('ready')
      return E.right(() => {
        server.drain()
        return Promise.resolve()
      })
    },
    publish: (message, answer) => client.submit('event', message, answer),
    request: (message, answer) => client.submit('request', message, answer),
    warm: client.warm,
    status$: statuses.asObservable(),
    address: () => O.fromNullable(listening?.address),
    lost: () => listening?.lost() ?? 0,
    close: () => (closed ??= close()),
  }
}

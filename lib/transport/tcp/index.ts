/**
 * The TCP transport: requests and acknowledged events between services, with no broker. One multiplexed connection per
 * endpoint, a binary protocol (`docs/tcp-protocol.md`), TLS and authentication hooks.
 */
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Capabilities, Connection, Transport } from '../transport.js'
import { bound, connection } from './connection.js'
import type { TcpContext } from './context.js'
import { transportFailed } from './failing.js'
import type { Problem } from './limits.js'
import { settingsOf } from './options.js'
import type { TcpOptions } from './options.js'

export { tcpContext, type TcpContext } from './context.js'
export type { TcpLimits } from './limits.js'
export type { Authenticate, Authorize, TcpHello, TcpOptions } from './options.js'

/** A way to other services over TCP. */
export interface Tcp<out N extends string = 'tcp'> extends Transport<N, TcpContext<N>> {}

const capabilities: Capabilities = {
  durable: false,
  fanOut: false,
  ordered: true,
  competing: false,
  delayedRetry: false,
  keyedRetry: false,
  isolatedRetry: true,
  deadLetter: false,
  wildcards: true,
  cancel: true,
  noHandler: true,
  exactAttempts: true,
  streams: false,
  batches: false,
}

const sentences = (problems: ReadonlyArray<Problem>): string =>
  problems.map(({ option, expected }) => `${option} must be ${expected}`).join('; ')

/**
 * A TCP transport. The same value serves both sides: a service that listens on it binds `host` and `port`, a client
 * dials `endpoints`, by default the own host and port (with port 0: wherever this value listens in this process).
 * Nothing is opened, and mistakes in the options are reported, by `connect`.
 */
export const tcp = <const N extends string = 'tcp'>(options: TcpOptions<N> = {}): Tcp<N> => {
  const { settings, problems } = settingsOf(options)
  const here = bound()
  return {
    _tag: 'Transport',
    // n.b. the default of N is the default of the option
    name: settings.name as N,
    kind: 'tcp',
    capabilities,
    needsName: false,
    maxMessageBytes: settings.limits.maxFrameBytes,
    problems,
    connect: (environment) =>
      problems.length > 0
        ? TE.left(transportFailed(settings.name, sentences(problems)))
        : TE.fromIO(() => connection(settings, environment, here) as Connection<TcpContext<N>>),
  }
}

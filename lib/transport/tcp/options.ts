/** What `tcp` is given. */
import type { Option } from 'fp-ts/lib/Option.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { ConnectionOptions, PeerCertificate, TlsOptions } from 'node:tls'
import type { Address } from '../transport.js'
import { defaultLimits, limitProblems } from './limits.js'
import type { Problem, TcpLimits } from './limits.js'

/** How a client introduces itself. */
export interface TcpHello {
  /** The instance that connects; it may claim what it wants. */
  readonly clientId: string
  readonly token: Option<string>
  readonly remoteAddress: string
  /** With TLS, where the client sent a certificate. Whether it was verified is up to `rejectUnauthorized`. */
  readonly certificate: PeerCertificate | undefined
}

/**
 * Server: who is it? `Right` is `context.principal`; `Left` is told to the client as the reason. It may throw: refused.
 * It must end: until then the connection counts among those of its address, even where the client has gone.
 */
export type Authenticate = (hello: TcpHello) => TaskEither<string, unknown>

/** Server: may it? Asked before the payload is decoded. Whatever it answers but `true` is a refusal; so is a throw. */
export type Authorize = (
  principal: unknown,
  call: { readonly pattern: string; readonly kind: 'event' | 'message' },
) => boolean

export interface TcpOptions<out N extends string = 'tcp'> {
  /** The token that tells two transports of one service apart. Default `tcp`. */
  readonly name?: N
  /** Where the server listens. Default `127.0.0.1`: say `0.0.0.0` to be reached from other machines. */
  readonly host?: string
  /** Where the server listens. Default 0: a free port, which `running.addresses` tells. */
  readonly port?: number
  /** Client: the replicas of one service, each call goes to one of them. Default: the own host and port. */
  readonly endpoints?: ReadonlyArray<Address>
  /** Switches TLS on; passed to `node:tls`, for the server and for the client. At least TLS 1.2 unless it says otherwise. */
  readonly tls?: TlsOptions & ConnectionOptions
  readonly authenticate?: Authenticate
  readonly authorize?: Authorize
  /** Client: run for each new connection, and sent to `authenticate`. */
  readonly token?: Task<string>
  /** Client: send the token to other machines without TLS. Default false. */
  readonly insecure?: boolean
  readonly limits?: Partial<TcpLimits>
}

/** Options with their defaults. */
export interface Settings {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly endpoints: ReadonlyArray<Address> | undefined
  readonly tls: (TlsOptions & ConnectionOptions) | undefined
  readonly authenticate: Authenticate | undefined
  readonly authorize: Authorize | undefined
  readonly token: Task<string> | undefined
  readonly limits: TcpLimits
}

const loopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)

/** Where to dial what listens on `host`. */
export const dialled = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host)

const isPort = (port: unknown, least: number): boolean =>
  Number.isInteger(port) && Number(port) >= least && Number(port) <= 65_535

/** The settings behind options, and every option that is out of its range. */
export const settingsOf = (
  options: TcpOptions<string>,
): { readonly settings: Settings; readonly problems: ReadonlyArray<Problem> } => {
  const settings: Settings = {
    name: options.name ?? 'tcp',
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    endpoints: options.endpoints,
    tls: options.tls,
    authenticate: options.authenticate,
    authorize: options.authorize,
    token: options.token,
    limits: { ...defaultLimits, ...options.limits },
  }
  const dials = settings.endpoints ?? [{ host: dialled(settings.host), port: 1 }]
  const wrong = settings.endpoints?.find(
    ({ host, port }) => typeof host !== 'string' || host === '' || !isPort(port, 1),
  )
  const exposed =
    settings.token !== undefined && settings.tls === undefined && options.insecure !== true
      ? dials.find(({ host }) => !loopback(host))
      : undefined
  const problem = (option: string, expected: string, wrong: boolean): ReadonlyArray<Problem> =>
    wrong ? [{ option, expected }] : []
  const problems = [
    ...problem('name', 'text that is not empty', settings.name === ''),
    ...problem('host', 'text that is not empty', settings.host === ''),
    ...problem('port', 'a whole number from 0 to 65535', !isPort(settings.port, 0)),
    ...problem(
      'endpoints',
      'at least one address; leave it out for the own host and port',
      settings.endpoints?.length === 0,
    ),
    ...problem('endpoints', 'a host and a port from 1 to 65535 each', wrong !== undefined),
    ...problem(
      'tls',
      `set, because a token would travel in the clear to ${exposed?.host ?? ''}; or set insecure: true`,
      exposed !== undefined,
    ),
    ...limitProblems(settings.limits),
  ]
  return { settings, problems }
}

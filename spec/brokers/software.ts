/** What the harness has to know of a broker: one value of this form for each kind. */
import { type Command } from './child.js'

/** The brokers there are. */
export type Kind = 'redis' | 'amqp' | 'kafka'

/** All of them. */
export const kinds: ReadonlyArray<Kind> = ['redis', 'amqp', 'kafka']

/** PEM files for a broker that listens with TLS. It asks its clients for no certificate. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

/** How a broker is started. Nothing has to be said. */
export interface BrokerOptions {
  /** A port of 127.0.0.1; any free one by default. */
  readonly port?: number
  /** Listens with TLS only. Redis and RabbitMQ. */
  readonly tls?: TlsFiles
  /** Whether each write is on disk before it is answered, on by default. Redis; the other two always keep data. */
  readonly appendOnly?: boolean
  /** The port that clients are told to connect to: that of a proxy in front. Kafka. */
  readonly advertised?: number
  /** More lines of the broker's own configuration; they win over those of the harness. */
  readonly settings?: Readonly<Record<string, string>>
}

/** One broker, configured in its folder and not started. */
export interface Setup {
  readonly url: string
  readonly port: number
  readonly server: Command
  /** What runs beside the server and is not restarted with it. */
  readonly beside: ReadonlyArray<Command>
  /** Whether it serves: not that its port is open, but that it answers on its protocol. */
  readonly ready: () => Promise<boolean>
  /** Puts on disk what the broker keeps in memory for some seconds though it has confirmed it; [] when there is none. */
  readonly flush: ReadonlyArray<Command>
  /** The broker's command line tool, aimed at it. */
  readonly tool: (args: ReadonlyArray<string>) => Command
}

/** A kind of broker. */
export interface Software {
  /** The variable with the address of one that runs already. */
  readonly variable: string
  /** What to install. */
  readonly install: string
  readonly found: () => Promise<boolean>
  readonly configure: (folder: string, options: BrokerOptions) => Promise<Setup>
}

/** `settings` as lines of a configuration file. */
export const lines = (settings: Readonly<Record<string, string>>, between: string): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}${between}${value}\n`)
    .join('')

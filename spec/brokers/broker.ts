/** A broker as a real process on 127.0.0.1, which can be killed, frozen and started again. */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { amqp } from './amqp.js'
import { run, start, type Child } from './child.js'
import { kafka } from './kafka.js'
import { host, isFree } from './port.js'
import { redis } from './redis.js'
import { type BrokerOptions, type Kind, type Setup, type Software } from './software.js'

/** The kinds of broker and how each is run. */
export const software: Readonly<Record<Kind, Software>> = { redis, amqp, kafka }

/** A broker of one's own. */
export interface Broker {
  readonly kind: Kind
  /** `redis://...`, `amqp://guest:guest@...`, or host and port for Kafka. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** Its process; 0 while none runs. */
  readonly pid: () => number
  /** The end of what it printed since it was last started. */
  readonly output: () => string
  /**
   * Resolves when all that the broker has confirmed is on disk. RabbitMQ loses a durable queue, with what is in it, or the
   * leader of one, when it is killed within 3 s after the declaration. The others lose nothing.
   */
  readonly flush: () => Promise<void>
  /** SIGKILL; resolves when it is gone. */
  readonly kill: () => Promise<void>
  /** SIGTERM; resolves when it is gone. */
  readonly terminate: () => Promise<void>
  /** SIGSTOP: its connections stay open and nothing moves. */
  readonly freeze: () => void
  /** SIGCONT. */
  readonly thaw: () => void
  /** Starts it again on its port and data, killing it first if it runs; resolves when it serves. */
  readonly restart: () => Promise<void>
  /** Ends it for good and deletes its folder. */
  readonly stop: () => Promise<void>
  /** Runs `redis-cli`, `rabbitmqctl` or the Kafka class named first, against it. */
  readonly command: (...args: ReadonlyArray<string>) => Promise<string>
}

const patience = 120_000

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** Resolves when the broker serves; rejects with what it printed when it ends before, or takes two minutes. */
const serving = async (kind: Kind, setup: Setup, child: Child): Promise<void> => {
  const failed = (what: string): Error => new Error(`${kind} ${what}\n${child.output()}`)
  for (const end = Date.now() + patience; !(await setup.ready()); await pause(50)) {
    if (!child.running()) throw failed('ended while it started')
    if (Date.now() > end) throw failed('did not serve within two minutes')
  }
}

/** Whether the process that started this one, and talked with it, is gone: a test run that was killed. */
const orphaned = (): boolean => process.send !== undefined && !process.connected

const killed = async (child: Child): Promise<void> => {
  child.signal('SIGKILL')
  await child.ended
}

/** Starts a broker of one's own, in a temporary folder; resolves when it serves. */
export const startBroker = async (kind: Kind, options: BrokerOptions = {}): Promise<Broker> => {
  if (!(await software[kind].found())) throw new Error(missing(kind))
  if (orphaned()) throw new Error('nobody waits for this process any more')
  const folder = await mkdtemp(join(tmpdir(), `taskwire-${kind}-`))
  const beside: Array<Child> = []
  let child: Child | undefined

  const all = (): ReadonlyArray<Child> => [...beside, ...(child ? [child] : [])]
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  const leave = (): void => {
    all().forEach(({ signal }) => signal('SIGKILL'))
    remove()
  }
  process.on('exit', leave)
  process.on('disconnect', leave)
  const end = async (): Promise<void> => {
    await Promise.all(all().map(killed))
    process.off('exit', leave)
    process.off('disconnect', leave)
    remove()
  }

  try {
    const setup = await software[kind].configure(folder, options)
    beside.push(...setup.beside.map(start))
    const launch = async (): Promise<void> => {
      if (!(await isFree(setup.port))) throw new Error(`${kind} cannot start: port ${setup.port} is taken`)
      child = start(setup.server)
      await serving(kind, setup, child)
    }
    const kill = async (): Promise<void> => {
      if (child !== undefined) await killed(child)
    }
    await launch()
    return {
      kind,
      url: setup.url,
      host,
      port: setup.port,
      pid: () => (child?.running() ? child.pid : 0),
      output: () => child?.output() ?? '',
      flush: async () => {
        for (const command of setup.flush) await run(command)
      },
      kill,
      terminate: async () => {
        child?.signal('SIGCONT')
        child?.signal('SIGTERM')
        await child?.ended
      },
      freeze: () => child?.signal('SIGSTOP'),
      thaw: () => child?.signal('SIGCONT'),
      restart: async () => {
        await kill()
        await launch()
      },
      stop: end,
      command: (...args) => run(setup.tool(args)),
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** What to say when a broker cannot be run here. */
export const missing = (kind: Kind): string =>
  `${kind} cannot be run here: apt-get install ${software[kind].install}, or run .ci/brokers.sh`

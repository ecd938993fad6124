/** All that takes part in a soak: a broker of its own behind a proxy, processes, and what they write down. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker } from '../brokers/broker.js'
import type { Child } from '../brokers/child.js'
import { faultProxy } from '../brokers/proxy.js'
import type { Kind } from '../brokers/software.js'
import { launch } from '../faults/launch.js'
import { page as blank, tail, type Page } from '../faults/page.js'
import type { Site } from '../faults/transports.js'
import type { ClientGiven } from './client.js'
import { herd as nobody } from './herd.js'
import { ledger, type Ledger } from './ledger.js'
import type { Given } from './notes.js'
import type { Scene } from './storm.js'

export interface Stage extends Scene {
  readonly site: Site
  readonly client: Child
  readonly page: Page
  readonly book: Ledger
  /** Takes over what processes have written down. */
  readonly pull: () => void
}

const measured = { node: ['--expose-gc'], withinMs: 180_000 } as const

/** Sets it up for `run`, and takes all of it down when that has ended. */
export const onStage = async <A>(kind: Kind, rate: number, run: (stage: Stage) => Promise<A>): Promise<A> => {
  const undo: Array<() => unknown> = []
  try {
    const folder = mkdtempSync(join(tmpdir(), 'taskwire-soak-'))
    undo.push(() => rmSync(folder, { recursive: true, force: true }))
    // n.b. Kafka tells its clients where to connect to, so the proxy comes first
    const proxy = await faultProxy()
    undo.push(proxy.close)
    const broker = await startBroker(kind, kind === 'kafka' ? { advertised: proxy.port } : {})
    undo.push(broker.stop)
    proxy.upstream(broker)
    const site: Site = { kind, url: broker.url.replace(`:${broker.port}`, `:${proxy.port}`), prefix: 'soak.' }
    const [log, notes] = [join(folder, 'log'), join(folder, 'notes')]
    const own = { site, log, notes }

    const born = async (program: string, given: Given): Promise<Child> => {
      const child = await launch(new URL(program, import.meta.url), given, measured)
      undo.push(() => child.signal('SIGKILL'))
      return child
    }
    const steady = await born('replica.ts', { ...own, by: 'replica', measured: true })
    const herd = nobody(own)
    undo.push(herd.kill)
    await herd.add()
    const clientGiven: ClientGiven = { ...own, by: 'client', rate }
    const client = await born('client.ts', clientGiven)

    const page = blank()
    const book = ledger(tail(notes))
    const pull = (): void => {
      page.follow(log)
      book.read()
    }
    return await run({ site, broker, proxy, herd, steady, client, page, book, pull })
  } finally {
    for (const end of undo.reverse()) await end()
  }
}

/** A running service from its first moment to its last: what it shows, and how it stops. */
import type { Task } from 'fp-ts/lib/Task.js'
import { map, merge, takeUntil, Subject, type Observable } from 'rxjs'
import { clientOver } from '../client/over.js'
import type { Client } from '../client/client.js'
import { abortContext } from '../core/context.js'
import type { Deadlines } from '../core/deadlines.js'
import type { Serde } from '../core/serde.js'
import type { Address, Connection, Environment, Status, Transport } from '../transport/transport.js'
import type { Job } from './job.js'
import type { OutcomeReport } from './report.js'
import type { Health, Running, ServiceStatus, StopReport } from './running.js'
import type { Worker } from './worker.js'

/** A transport that is connected and subscribed. */
export interface Attached {
  readonly transport: Transport
  readonly connection: Connection
  readonly workers: ReadonlyArray<Worker>
  readonly stopIntake: Task<void>
}

export interface Limits {
  /** How long running handlers may finish by themselves when the service stops, in milliseconds. Default 10,000. */
  readonly drainTimeout: number
  /** How long they may finish after their signals were aborted, in milliseconds. Default 2,000. */
  readonly abortGrace: number
}

/** What the runtime's deliveries look at, and what they call when one ends. */
export interface State {
  stopping: boolean
  ended: () => void
}

/** How long one transport may take to stop its intake, or to close, in milliseconds. */
const stepMs = 5_000

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((a, b) => a + b, 0)

export const running = <N extends string>(
  env: Environment,
  attached: ReadonlyArray<Attached>,
  limits: Deadlines<Job>,
  outcome$: Subject<OutcomeReport>,
  state: State,
  { drainTimeout, abortGrace }: Limits,
  serde: Serde,
): Running<N> => {
  const statuses = new Map<string, Status>()
  const stopped$ = new Subject<void>()
  const status$: Observable<{ readonly name: N; readonly status: Status }> = merge(
    ...attached.map(({ transport, connection }) =>
      connection.status$.pipe(map((status) => ({ name: transport.name as N, status }))),
    ),
  )
  status$.pipe(takeUntil(stopped$)).subscribe(({ name, status }) => statuses.set(name, status))

  const workers = attached.flatMap((one) => one.workers)
  const busy = (): number => sum(workers.map((one) => one.busy()))
  const ended = (): number => sum(workers.map((one) => one.ended()))

  // Waits until nothing runs or waits, at most so long; true when it is so.
  const idle = (ms: number): Promise<boolean> =>
    new Promise((resolve) => {
      if (busy() === 0) {
        resolve(true)
        return
      }
      const end = (result: boolean) => (): void => {
        state.ended = () => undefined
        forget()
        resolve(result)
      }
      const forget = env.clock.after(ms, end(false))
      state.ended = () => {
        if (busy() === 0) end(true)()
      }
    })

  // n.b. each step is guarded: one transport that cannot close must not keep the others open
  const all = async (step: (one: Attached) => Promise<unknown>): Promise<void> => {
    await Promise.all(
      attached.map(
        (one) =>
          new Promise<void>((resolve) => {
            const forget = env.clock.after(stepMs, () => {
              env.log(`taskwire: ${one.transport.name} does not stop, and is left behind`)
              resolve()
            })
            const done = (): void => {
              forget()
              resolve()
            }
            void Promise.resolve(one).then(step).then(done, done)
          }),
      ),
    )
  }

  const clients: Record<string, Client> = {}
  for (const { transport, connection } of attached)
    clients[transport.name] = clientOver(connection, transport, env, serde)

  const stopOnce = async (): Promise<StopReport> => {
    state.stopping = true
    // n.b. many handlers end while the intake is being stopped
    const before = ended()
    await all((one) => one.stopIntake())
    for (const one of workers) one.release()
    const idled = await idle(drainTimeout)
    const drained = ended() - before
    if (!idled) {
      for (const job of limits.all) abortContext(job.context, 'stopping')
      await idle(abortGrace)
    }
    const aborted = ended() - before - drained
    const unsettled = busy()
    await all((one) => one.connection.close())
    const lost = sum(attached.map(({ connection }) => connection.lost?.() ?? 0))
    await Promise.all(Object.values(clients).map((client) => client.close()))
    for (const one of workers) one.close()
    limits.stop()
    stopped$.next()
    outcome$.complete()
    return { drained, aborted, unsettled, lost }
  }

  let stopping: Promise<StopReport> | undefined
  const statusOf = ({ transport, connection, workers: own }: Attached): ServiceStatus => {
    if (own.some((one) => one.stuck())) return 'stuck'
    const status = statuses.get(transport.name) ?? 'connecting'
    if (status !== 'ready') return status
    return connection.stalled?.() === true ? 'stalled' : own.some((one) => one.paused()) ? 'paused' : status
  }
  const health = (): Health => {
    const transports: Record<string, ServiceStatus> = {}
    for (const one of attached) transports[one.transport.name] = statusOf(one)
    return { ready: !state.stopping && Object.values(transports).every((status) => status === 'ready'), transports }
  }

  const addresses: Record<string, Address> = {}
  for (const { transport, connection } of attached) {
    const address = connection.address()
    if (address._tag === 'Some') addresses[transport.name] = address.value
  }

  return Object.freeze({
    stop: () => (stopping ??= stopOnce()),
    clients: clients as { readonly [K in N]: Client },
    addresses,
    status$,
    outcome$: outcome$.asObservable(),
    health,
  })
}

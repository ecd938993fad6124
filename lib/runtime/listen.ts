/** Runs a service on all of its transports, or on none. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { Subject } from 'rxjs'
import { deadlines } from '../core/deadlines.js'
import type { AnyEndpoint } from '../core/endpoint.js'
import { runnable } from '../core/dispatch.js'
import type { ConnectError, StartError, Unsupported } from '../core/error.js'
import { isWildcard } from '../core/pattern.js'
import { json } from '../core/serde.js'
import type { NameOf, Service } from '../core/service.js'
import { resolveEndpoints, validate, type Resolved } from '../core/validate.js'
import type { Capabilities, Connection, Environment, Transport } from '../transport/transport.js'
import { admittedWaiting } from './admission.js'
import { budget } from './budget.js'
import { defects } from './defects.js'
import { environment, type Surroundings } from './environment.js'
import type { Job } from './job.js'
import { report, type OutcomeReport } from './report.js'
import type { Running } from './running.js'
import { running, type Attached, type Limits } from './lifecycle.js'
import type { Shared } from './shared.js'
import { defaultConcurrency, worker, type Worker } from './worker.js'

export interface ListenOptions extends Surroundings, Partial<Limits> {
  /** How long an absent broker is waited for, in milliseconds. Default 30,000. */
  readonly startTimeout?: number
}

const unsupported = (service: Service, endpoints: ReadonlyArray<Resolved>): Unsupported | undefined => {
  for (const { name, capabilities } of service.transports) {
    const missing = (service.options.require ?? []).find((capability) => !capabilities[capability])
    if (missing !== undefined) return { _tag: 'Unsupported', transport: name, capability: missing, endpoint: undefined }
    for (const { endpoint, pattern, id } of endpoints) {
      if (!listensOn(name)(endpoint)) continue
      const lacking = endpoint.requires.find((capability) => !capabilities[capability])
      if (lacking !== undefined) return { _tag: 'Unsupported', transport: name, capability: lacking, endpoint: id }
      const { deadLetter } = endpoint.policy
      if (deadLetter !== undefined && deadLetter !== false && !capabilities.deadLetter && endpoint._tag === 'OnEvent')
        return { _tag: 'Unsupported', transport: name, capability: 'deadLetter', endpoint: id }
      if (isWildcard(pattern) && !capabilities.wildcards)
        return { _tag: 'Unsupported', transport: name, capability: 'wildcards', endpoint: id }
    }
  }
  return undefined
}

const listensOn =
  (token: string) =>
  ({ on }: { readonly on: ReadonlyArray<string> | undefined }): boolean =>
    on === undefined || on.includes(token)

// Where messages may carry keys, and the runtime keeps their order: what waits behind a key that is being retried.
const behindKeys = 100

// An ordering key may keep many deliveries waiting behind one, and others have to get past them.
const places = (
  { policy, _tag }: AnyEndpoint,
  { keyedRetry }: Capabilities,
): { readonly concurrency: number; readonly window: number } => {
  const concurrency = policy.concurrency ?? defaultConcurrency
  const behind = policy.orderingKey !== undefined ? admittedWaiting : _tag === 'OnEvent' && !keyedRetry ? behindKeys : 0
  return { concurrency, window: concurrency + behind }
}

/** Resolves with the result, or with a Left once the time is over; `late` gets a result that came too late. */
const within = <A>(
  { clock }: Environment,
  until: number,
  failed: (cause: unknown) => ConnectError,
  work: TaskEither<ConnectError, A>,
  late: (a: A) => void,
): Promise<Either<ConnectError, A>> =>
  new Promise((resolve) => {
    let over = false
    const forget = clock.after(until - clock.now(), () => {
      over = true
      resolve(E.left(failed(undefined)))
    })
    const done = (result: Either<ConnectError, A>): void => {
      forget()
      if (over && E.isRight(result)) late(result.right)
      resolve(result)
    }
    void Promise.resolve()
      .then(work)
      .then(done, (cause: unknown) => {
        done(E.left(failed(cause)))
      })
  })

/** Resolves with the first Left, without waiting for the others, or with nothing once all are Right. */
const firstLeft = <E>(all: ReadonlyArray<Promise<Either<E, unknown>>>): Promise<Either<E, never> | undefined> =>
  new Promise((resolve) => {
    for (const one of all)
      void one.then((result) => {
        if (E.isLeft(result)) resolve(result)
      })
    void Promise.all(all).then(() => {
      resolve(undefined)
    })
  })

/**
 * Runs a service: connects every transport, subscribes every endpoint, and resolves when all of them are live, so that
 * what is published next is received. On any failure everything is closed again and the Left says why; every mistake of
 * the definition is reported at once, before anything connects.
 */
export const listen =
  <T extends Transport>(service: Service<T>, options: ListenOptions = {}): TaskEither<StartError, Running<NameOf<T>>> =>
  async () => {
    const mistakes = validate(service)
    const resolved = resolveEndpoints(service)
    if (mistakes.length > 0 || E.isLeft(resolved)) return E.left({ _tag: 'InvalidDefinition', errors: mistakes })
    const refusal = unsupported(service, resolved.right)
    if (refusal !== undefined) return E.left(refusal)

    const { startTimeout = 30_000, drainTimeout = 10_000, abortGrace = 2_000 } = options
    const env = environment(service.name, options)
    const outcome$ = new Subject<OutcomeReport>()
    const state = { stopping: false, abandoned: false, ended: (): void => undefined }
    const shared: Shared = {
      group: service.name,
      clock: env.clock,
      random: env.random,
      log: env.log,
      budget: budget(),
      limits: deadlines<Job>(env.clock, (job) => {
        job.expire(job)
      }),
      report: (job, { resolved: { id, endpoint } }, outcome, settlement) => {
        if (!outcome$.observed) return
        const kind = endpoint._tag === 'OnEvent' ? 'event' : 'message'
        outcome$.next(report(outcome, settlement, id, kind, job.context, env.clock.now() - job.arrivedAt))
      },
      stopping: () => state.stopping,
      ended: () => {
        state.ended()
      },
    }
    const surroundings = {
      serde: service.options.serde ?? json,
      middleware: service.middleware,
      defect: defects(env.random, env.log),
    }

    const until = env.clock.now() + startTimeout
    const opened: Array<Attached> = []
    const attach = async (transport: Transport): Promise<Either<ConnectError, unknown>> => {
      const { name } = transport
      let said = ''
      const heard: Environment = {
        ...env,
        log: (line) => {
          said = `: ${line}`
          env.log(line)
        },
      }
      const failed = (cause: unknown): ConnectError => ({
        _tag: 'TransportFailed',
        name,
        message:
          cause === undefined ? `did not become ready within ${String(startTimeout)} ms${said}` : 'failed to start',
        cause,
      })
      const close = (connection: Connection): void => void connection.close()
      const connected = await within(env, until, failed, transport.connect(heard), close)
      if (E.isLeft(connected)) return connected
      const connection = connected.right
      if (state.abandoned) {
        close(connection)
        return E.right(undefined)
      }
      const endpoints = resolved.right.filter(({ endpoint }) => listensOn(name)(endpoint))
      const workers: ReadonlyArray<Worker> = endpoints.map((one) =>
        worker(runnable(one, surroundings), transport, shared),
      )
      let stopIntake: Task<void> = () => Promise.resolve()
      opened.push({ transport, connection, workers, stopIntake: () => stopIntake() })
      const subscribe = connection.subscribe(
        endpoints.map(({ endpoint, id, pattern }) => ({
          endpoint: id,
          kind: endpoint._tag === 'OnEvent' ? 'event' : 'message',
          pattern,
          ...places(endpoint, transport.capabilities),
        })),
        (delivery, settle) => workers[delivery.subscription]?.deliver(delivery, settle),
      )
      const live = await within(env, until, failed, subscribe, () => undefined)
      if (E.isRight(live)) stopIntake = live.right
      return live
    }

    const failure = await firstLeft(service.transports.map(attach))
    state.abandoned = failure !== undefined
    const limits = { drainTimeout, abortGrace }
    const live = running<NameOf<T>>(env, opened, shared.limits, outcome$, state, limits, surroundings.serde)
    if (failure === undefined) return E.right(live)
    // What was delivered meanwhile ends as at any other stop.
    await live.stop()
    return failure
  }

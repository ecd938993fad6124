/** A service that listens on a fake transport, in virtual time. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import {
  createMicroservice,
  listen,
  type Context,
  type ListenOptions,
  type Microservice,
  type OutcomeReport,
  type Running,
  type Service,
  type ServiceOptions,
  type Transport,
} from 'taskwire'
import { seededRandom, virtualClock, type VirtualClock } from 'taskwire/testing'
import { fake, type Fake, type FakeOptions } from './fake.js'

/** Every pending promise and microtask runs. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export interface Stage extends Fake {
  readonly time: VirtualClock
  readonly running: Running
  /** What was logged, a line each. */
  readonly log: Array<string>
  /** What `outcome$` said. */
  readonly reports: Array<OutcomeReport>
}

export interface StageOptions extends FakeOptions {
  readonly service?: ServiceOptions
  readonly listen?: ListenOptions
  readonly random?: () => number
}

/** Listens; `define` adds the endpoints. */
export const stage = async (
  define: (service: Microservice<Transport<string>>) => Service,
  options: StageOptions = {},
): Promise<Stage> => {
  const transport = fake(options)
  const time = virtualClock()
  const log: Array<string> = []
  const reports: Array<OutcomeReport> = []
  const service = define(createMicroservice('service', options.service).transport(transport.transport))
  const started = await listen(service, {
    clock: time.clock,
    random: options.random ?? seededRandom(1),
    log: (line) => log.push(line),
    ...options.listen,
  })()
  if (E.isLeft(started)) throw new Error(JSON.stringify(started.left))
  started.right.outcome$.subscribe((report) => reports.push(report))
  return { ...transport, time, running: started.right, log, reports }
}

/** A start of a gated handler, which ends when the spec says so. */
export interface Run {
  readonly payload: unknown
  readonly context: Context
  readonly finish: (result?: Either<unknown, unknown>) => void
  readonly reject: (cause: unknown) => void
}

export interface Gate {
  readonly handler: (payload: unknown, context: Context) => TaskEither<unknown, never>
  /** Every start, in order. */
  readonly runs: Array<Run>
  /** Those that have not ended. */
  readonly open: () => ReadonlyArray<Run>
  readonly payloads: () => ReadonlyArray<unknown>
}

export const gate = (): Gate => {
  const runs: Array<Run> = []
  const ended = new Set<Run>()
  return {
    handler: (payload, context) => () =>
      new Promise((resolve, reject) => {
        const run: Run = {
          payload,
          context,
          finish: (result = E.right(undefined)) => {
            ended.add(run)
            resolve(result as Either<unknown, never>)
          },
          reject: (cause) => {
            ended.add(run)
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- handlers reject with anything
            reject(cause)
          },
        }
        runs.push(run)
      }),
    runs,
    open: () => runs.filter((run) => !ended.has(run)),
    payloads: () => runs.map(({ payload }) => payload),
  }
}

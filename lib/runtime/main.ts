/** Runs a service as a program. */
import * as E from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'
import { realClock } from '../core/clock.js'
import { render } from '../core/render.js'
import type { NameOf, Service } from '../core/service.js'
import type { Transport } from '../transport/transport.js'
import { listen, type ListenOptions } from './listen.js'
import type { Running } from './running.js'

export interface MainOptions<N extends string = string> extends ListenOptions {
  /** Called once, when the service is live: for its addresses, its health, its outcomes. */
  readonly started?: (running: Running<N>) => void
  /** What the program's handlers call through; closed once the service has stopped. */
  readonly close?: ReadonlyArray<{ readonly close: Task<void> }>
}

const signals = ['SIGTERM', 'SIGINT'] as const

/** How long a process with handlers that were given up may still live, in milliseconds. */
const lingerMs = 1_000

/**
 * Runs a service until SIGTERM or SIGINT (while it starts, too), drains it, and resolves; a second signal ends the
 * process at once. The exit code is 0 after a clean stop, 1 when it could not start, or when handlers were given up: what
 * these still hold keeps the process alive for no more than a second. Only this function touches the process.
 */
export const runMain = async <T extends Transport>(
  service: Service<T>,
  { close = [], started, ...options }: MainOptions<NameOf<T>> = {},
): Promise<void> => {
  let stopNow = (): void => undefined
  const signalled = new Promise<void>((resolve) => {
    stopNow = resolve
  })
  const onSignal = (): void => {
    for (const signal of signals) process.off(signal, onSignal).on(signal, force)
    stopNow()
  }
  for (const signal of signals) process.on(signal, onSignal)
  const release = keepAlive()
  try {
    const running = await listen(service, options)()
    if (E.isLeft(running)) {
      process.stderr.write(`taskwire: ${service.name} did not start: ${render(running.left)}\n`)
      process.exitCode = 1
    } else await serve(running.right, started, signalled)
  } finally {
    await Promise.allSettled(close.map((one) => one.close()))
    release()
    for (const signal of signals) process.off(signal, onSignal).off(signal, force)
  }
}

// n.b. a `started` that throws stops the service, too
const serve = async <N extends string>(
  running: Running<N>,
  started: MainOptions<N>['started'],
  signalled: Promise<void>,
): Promise<void> => {
  try {
    started?.(running)
    await signalled
  } finally {
    const { unsettled } = await running.stop()
    if (unsettled > 0) {
      process.exitCode = 1
      realClock.after(lingerMs, force, true)
    }
  }
}

// A handler of signals does not keep a process alive, and a transport without a socket does not either.
const keepAlive = (): (() => void) => {
  let forget = (): void => undefined
  const again = (): void => {
    forget = realClock.after(2 ** 31 - 1, again)
  }
  again()
  return () => {
    forget()
  }
}

const force = (): void => {
  process.exit(1)
}

/** Drivers are optional peers: loaded when a transport connects, and never before. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { ConnectError } from '../../core/error.js'
import { transportFailed } from './failing.js'

const notFound: ReadonlyArray<unknown> = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']

// n.b. a driver that is there and lacks a package of its own is another matter
const missing = (driver: string, cause: unknown): boolean => {
  const { code, message } = (cause ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  return notFound.includes(code) && String(message).includes(`'${driver}'`)
}

/** Loads a driver; the Left names the package and the command that installs it. */
export const loadDriver = <M>(name: string, driver: string, load: () => Promise<M>): TaskEither<ConnectError, M> =>
  TE.tryCatch(load, (cause) =>
    missing(driver, cause)
      ? { _tag: 'DriverMissing', driver, install: `npm install ${driver}` }
      : transportFailed(name, `the driver ${driver} cannot be loaded`, cause),
  )

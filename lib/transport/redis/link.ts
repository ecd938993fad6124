/** Connections that are kept open, and what they are together. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { ReplaySubject, type Observable } from 'rxjs'
import type { ConnectError } from '../../core/error.js'
import type { Environment, Status } from '../transport.js'
import { keepOpen, together, type KeptOpen } from '../broker/keep-open.js'
import type { Settings } from './options.js'
import { openWire, type Driver, type Purpose, type Wire } from './wire.js'

/** A connection that is opened again whenever it is lost. */
export type Link = KeptOpen<Wire>

/** The connections of one transport. */
export interface Links {
  /** Begins to open another one; `ready` prepares it, and has to succeed before it counts as open. */
  readonly open: (
    purpose: Purpose,
    what: string,
    ready?: (wire: Wire) => Promise<Either<ConnectError, unknown>>,
  ) => Link
  /** Something that may be of no use though its connection is open: tells whether it works, and is forgotten. */
  readonly part: () => { readonly works: (does: boolean) => void; readonly end: () => void }
  /** Of all that are there: ready when all are, lost when one is; completes after `closed`. */
  readonly status$: Observable<Status>
  readonly close: () => Promise<void>
}

export const links = (driver: Driver, settings: Settings, env: Environment): Links => {
  const all = new Map<object, Status>()
  const opened = new Set<Link>()
  const status$ = new ReplaySubject<Status>(1)
  let latest: Status | undefined
  let closing: Promise<void> | undefined

  const tell = (): void => {
    const is = closing !== undefined ? latest : together([...all.values()])
    if (is === undefined || is === latest) return
    latest = is
    status$.next(is)
  }

  const open: Links['open'] = (purpose, what, ready = () => Promise.resolve(E.right(undefined))) => {
    let abandon = (): void => undefined
    const link = keepOpen<Wire>(env, settings.name, {
      what: `${settings.name}: ${what}`,
      open: async (lost) => {
        const opened = await openWire(driver, purpose, settings, env.clock, lost, (stop) => {
          abandon = stop
        })
        if (E.isLeft(opened)) return opened
        const prepared = await ready(opened.right)
        if (E.isRight(prepared)) return opened
        await opened.right.close()
        return prepared
      },
      close: (wire) => wire.close(),
    })
    const guarded: Link = {
      ...link,
      // n.b. an attempt under way may take long to find out that nobody answers
      close: () => {
        abandon()
        return link.close()
      },
    }
    opened.add(guarded)
    all.set(guarded, 'connecting')
    link.status$.subscribe((status) => {
      if (status === 'closed') {
        opened.delete(guarded)
        all.delete(guarded)
      } else all.set(guarded, status)
      if (all.size > 0) tell()
    })
    return guarded
  }

  const part: Links['part'] = () => {
    const own = {}
    return {
      works: (does) => {
        all.set(own, does ? 'ready' : 'lost')
        tell()
      },
      end: () => {
        all.delete(own)
        if (all.size > 0) tell()
      },
    }
  }

  const close = async (): Promise<void> => {
    await Promise.all([...opened].map((link) => link.close()))
    status$.next('closed')
    status$.complete()
  }
  return { open, part, status$: status$.asObservable(), close: () => (closing ??= close()) }
}

import type { Case, Guarantee } from './case.js'
import { acceptance } from './cases/acceptance.js'
import { attempts } from './cases/attempts.js'
import { cancels } from './cases/cancel.js'
import { deadlines } from './cases/deadlines.js'
import { drains } from './cases/drain.js'
import { flow } from './cases/flow.js'
import { handlers } from './cases/handlers.js'
import { letters } from './cases/letters.js'
import { lifecycle } from './cases/lifecycle.js'
import { onceOnly } from './cases/once.js'
import { order } from './cases/order.js'
import { outcomes } from './cases/outcomes.js'
import { patterns } from './cases/patterns.js'
import { payloads } from './cases/payloads.js'
import { requests } from './cases/requests.js'
import { retries } from './cases/retries.js'
import { sharing } from './cases/sharing.js'
import { tracing } from './cases/tracing.js'
import { check, same, turns } from './expect.js'
import { moreThan, resources } from './resources.js'
import { stage, type Stage } from './stage.js'
import type { Subject } from './subject.js'

const guarantees: ReadonlyArray<Guarantee> = [
  ...acceptance,
  ...attempts,
  ...cancels,
  ...deadlines,
  ...drains,
  ...flow,
  ...handlers,
  ...letters,
  ...lifecycle,
  ...onceOnly,
  ...order,
  ...outcomes,
  ...patterns,
  ...payloads,
  ...requests,
  ...retries,
  ...sharing,
  ...tracing,
].sort((a, b) => a.id.localeCompare(b.id))

/** Runs a case in a world of its own and leaves nothing of it; what went wrong in the case comes before what went wrong after it. */
const staged = async (subject: Subject, examine: (on: Stage) => Promise<void>): Promise<void> => {
  const rejections: Array<unknown> = []
  const note = (cause: unknown): void => void rejections.push(cause)
  process.on('unhandledRejection', note)
  const before = resources()
  try {
    const { stage: on, leave } = await stage(subject)
    let failed = true
    try {
      await examine(on)
      failed = false
    } finally {
      await (failed ? leave().catch(() => undefined) : leave())
    }
    await turns()
    same('sockets, servers and timers that are left', moreThan(before, resources()), {})
    check(rejections.length === 0, `a promise was rejected and nobody handled it: ${String(rejections[0])}`)
  } finally {
    process.off('unhandledRejection', note)
  }
}

/**
 * The cases of a transport, for any test runner:
 * ``for (const { id, title, run } of conformance(subject)) test(`${id} ${title}`, () => run())``.
 * n.b. run them one after another: each looks at what it has left behind in the process.
 */
export const conformance = (subject: Subject): ReadonlyArray<Case> =>
  guarantees.map(({ id, title, examine, unless }) => {
    const absent = unless?.lacks(subject.capabilities) === true
    return {
      id,
      title: absent ? unless.title : title,
      support: absent ? 'absent' : 'native-or-layer',
      run: () => staged(subject, absent ? unless.examine : examine),
    }
  })

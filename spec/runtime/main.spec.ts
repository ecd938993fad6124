import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice, runMain, type Health, type Running } from 'taskwire'
import { memory } from 'taskwire/memory'
import { afterEach, describe, expect, test } from 'vitest'

const handlers = (): ReadonlySet<unknown> => new Set(process.listeners('SIGTERM'))
const before = handlers()
// Only what runMain has added: the test runner has handlers of its own.
const terminate = (): void =>
  process
    .listeners('SIGTERM')
    .filter((listener) => !before.has(listener))
    .forEach((listener) => listener('SIGTERM'))

afterEach(() => {
  process.exitCode = undefined
})

describe('runMain', () => {
  test('hands out the running service once it is live, then drains it at SIGTERM', async () => {
    const bus = memory({ name: 'bus' })
    const service = createMicroservice('users')
      .transport(bus)
      .onMessage('ping', t.void, () => TE.right('pong'))
    const seen: Array<Health> = []
    let running: Running<'bus'> | undefined
    const ended = runMain(service, {
      started: (live) => {
        running = live
        seen.push(live.health())
        terminate()
      },
    })
    await ended
    expect(seen).toEqual([{ ready: true, transports: { bus: 'ready' } }])
    expect(running?.health().ready).toBe(false)
    expect(handlers()).toEqual(before)
    expect(process.exitCode).toBeUndefined()
  })

  test('does not call it when the service cannot start', async () => {
    let called = false
    await runMain(createMicroservice('users'), { started: () => (called = true) })
    expect(called).toBe(false)
    expect(process.exitCode).toBe(1)
  })
})

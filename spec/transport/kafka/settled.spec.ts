import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { realClock } from '../../../lib/core/clock.js'
import { settled } from '../../../lib/transport/kafka/settled.js'

const failing = async (ms: number): Promise<never> => {
  await wait(ms)
  throw new Error('too bad')
}

test('what is in time is what it comes to, and what is late is nothing', async () => {
  expect(await settled(realClock, Promise.resolve(1), 1_000)).toEqual({ value: 1 })
  await expect(settled(realClock, failing(1), 1_000)).rejects.toThrow('too bad')
  expect(await settled(realClock, wait(10_000, 1, { ref: false }), 1)).toBeUndefined()
})

test('an error that comes too late does not end the process', async () => {
  const unhandled: Array<unknown> = []
  // n.b. the listeners of the runner would take it for a failure of the run
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  const hear = (cause: unknown): void => void unhandled.push(cause)
  process.on('unhandledRejection', hear)
  onTestFinished(() => {
    process.off('unhandledRejection', hear)
    for (const one of others) process.on('unhandledRejection', one)
  })
  expect(await settled(realClock, failing(100), 1)).toBeUndefined()
  await wait(200)
  expect(unhandled).toEqual([])
})

/** Specs that need a broker. */
import { afterAll, describe, onTestFinished, test, TestRunner } from 'vitest'
import { missing, software, startBroker, type Broker } from './broker.js'
import { available, sharedBroker } from './shared.js'
import { type BrokerOptions, type Kind } from './software.js'

/** With `REQUIRE_BROKERS=1` a broker that cannot be had is a failure; without it its specs are skipped. */
const without = (kind: Kind, message: string): void => {
  if (process.env['REQUIRE_BROKERS'] !== '1') return test.skip(message, () => {})
  test(`needs ${kind}`, () => {
    throw new Error(message)
  })
}

/**
 * The specs of one kind of broker, on the one that the whole run shares:
 * `await withBroker('redis', (url) => { test(...) })`. Others use it too: take names of queues that nobody else takes.
 */
export const withBroker = async (kind: Kind, specs: (url: string) => void | Promise<void>): Promise<void> => {
  const found = await available(kind)
  const url = found ? await sharedBroker(kind) : ''
  const message = `${missing(kind)}, or set ${software[kind].variable}`
  describe(kind, () => (found ? specs(url) : without(kind, message)))
}

/** Starts a broker that is stopped after the test in which it was started, or after all when that was in `beforeAll`. */
export type StartBroker = (options?: BrokerOptions) => Promise<Broker>

/**
 * Specs that break their broker: `await withOwnBroker('redis', (start) => { test(...) })`, where `await start()` in a
 * hook or a test gives one that nobody else uses.
 */
export const withOwnBroker = async (kind: Kind, specs: (start: StartBroker) => void): Promise<void> => {
  const found = await software[kind].found()
  describe(kind, () => {
    if (!found) return without(kind, missing(kind))
    const common: Array<Broker> = []
    afterAll(async () => {
      await Promise.all(common.map((broker) => broker.stop()))
    })
    specs(async (options) => {
      const inTest = TestRunner.getCurrentTest() !== undefined
      const broker = await startBroker(kind, options)
      if (inTest) onTestFinished(() => broker.stop())
      else common.push(broker)
      return broker
    })
  })
}

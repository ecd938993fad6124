/** Passwords that are wrong, or become so. */
import { expect } from 'vitest'
import type { Broker } from '../brokers/broker.js'
import { kinds } from '../brokers/software.js'
import { withOwnBroker } from '../brokers/suite.js'
import { begunIn, inFrontOfOwn } from './behind.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask, emit, load } from './load.js'
import type { Site } from './transports.js'
import { pause } from './waiting.js'

/** How each broker is told of a password, and how the right and a wrong one are named by who comes. */
const passwords = {
  redis: {
    options: { settings: { requirepass: 'right' } },
    site: (url: string, password: string) => ({ url: url.replace('//', `//:${password}@`) }),
    change: (broker: Broker, from: string, to: string) =>
      broker.command('-a', from, 'CONFIG', 'SET', 'requirepass', to),
  },
  amqp: {
    options: {},
    site: (url: string, password: string) => ({ url: url.replace(/\/\/.*@/, `//guest:${password}@`) }),
    change: (broker: Broker, _: string, to: string) => broker.command('change_password', 'guest', to),
  },
  kafka: {
    options: {
      settings: {
        'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
        'listener.name.plaintext.sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.plaintext.plain.sasl.jaas.config':
          'org.apache.kafka.common.security.plain.PlainLoginModule required user_guest="right";',
      },
    },
    site: (url: string, password: string) => ({
      url,
      kafkajs: { sasl: { mechanism: 'plain' as const, username: 'guest', password } },
    }),
    change: undefined,
  },
} as const

for (const kind of kinds)
  await withOwnBroker(kind, (start) => {
    fault(
      'F24',
      kind,
      'A password that is wrong is refused at once, typed, and not tried again; one that becomes wrong is tried ever more seldom, until it is right again. None is told to anybody.',
      async (trial) => {
        const { page, until, drained, figure } = trial
        const { options, site: siteOf, change } = passwords[kind]
        const front = await inFrontOfOwn(start, options)
        if (kind === 'amqp') await passwords.amqp.change(front.broker, '', 'right')
        const right = siteOf(front.url, 'right')
        const parts = cast(trial, kind, right.url, right)
        const wrong: Site = { ...parts.site, ...siteOf(front.url, 'not-the-one') }
        const lines: Array<string> = []
        const log = (line: string): void => void lines.push(line)

        trial.fault('a wrong password at the start')
        const began = performance.now()
        const refused = { _tag: 'Left', left: { _tag: 'Unauthorized' } }
        const started = await parts.attempt({ site: wrong, log })
        const client = parts.call(wrong, { log })
        const calls = [await client.connect(), await emit(client, page, 1_000), await ask(client, page, 0)]
        figure('refusedAfterMs', Math.round(performance.now() - began))
        expect([started, ...calls]).toMatchObject([refused, refused, refused, refused])
        expect(await begunIn(front, 2_000)).toBe(0)
        expect(JSON.stringify([started, calls, lines])).not.toContain('not-the-one')

        const running = await parts.serve({ log })
        const friend = parts.call(undefined, { log })
        await load(friend, page, { to: 100, requestEvery: 10 })
        if (change !== undefined) {
          trial.fault('the password is another one while a service runs')
          await change(front.broker, 'right', 'changed')
          front.proxy.reset()
          await until('readiness is false', () => !running.health().ready)
          await pause(1_000)
          const attempts = await begunIn(front, 3_000)
          figure('attemptsIn3s', attempts)
          // n.b. of six connections, with delays from 100 ms to 30 s that double
          expect(attempts).toBeLessThan(30)
          await change(front.broker, 'changed', 'right')
          await until('readiness is true', () => running.health().ready)
          await load(friend, page, { from: 100, to: 200, requestEvery: 10 })
        }
        await drained()
        expect(lines.join('\n')).not.toMatch(/right|not-the-one/)
      },
      { variant: 'password' },
    )
  })

/** What nobody should send. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { expect } from 'vitest'
import { json, type Client } from 'taskwire'
import { frameType } from '../../lib/transport/tcp/frame.js'
import { freePort, host } from '../brokers/port.js'
import { kinds } from '../brokers/software.js'
import { rawClient, welcomed } from '../transport/tcp/raw.js'
import { withBroker } from '../brokers/suite.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { foreign, type Parcel } from './foreign.js'
import { ask, emit, patterns } from './load.js'
import { noted, type Page } from './page.js'

const mebi = 1_048_576

/** Bodies that no codec may ever see. */
const bodies: ReadonlyArray<readonly [string, string | Buffer]> = [
  ['100,000 levels of arrays', '['.repeat(100_000) + ']'.repeat(100_000)],
  ['100,000 levels of objects', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
  ['__proto__', '{"__proto__":{"polluted":true}}'],
  ['__proto__, escaped', '{"\\u005f_proto__":{"polluted":true}}'],
  ['constructor.prototype', '{"constructor":{"prototype":{"polluted":true}}}'],
  ['half a value', '{"id":'],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
]

/** Far above what any transport takes, in bytes. */
const huge = 8 * mebi

/** A number with a lot of air. */
const airy = (bytes: number): Buffer => {
  const body = Buffer.alloc(bytes, ' ')
  body.write('7', bytes - 1)
  return body
}

const parcels = (): ReadonlyArray<Parcel> => [
  ...bodies.map(([, body]) => ({ body })),
  ...Array.from({ length: 8 }, () => ({ body: airy(huge) })),
  { body: '"x"', headers: { __proto__x: 'x', constructor: 'x', hasOwnProperty: 'x' } },
  { body: '"x"', headers: Object.fromEntries([['__proto__', 'polluted']]), id: '__proto__', key: '__proto__' },
  { body: '"x"', headers: Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`h${n}`, 'x'])) },
  { body: '"x"', headers: { large: 'x'.repeat(60_000) } },
  { body: '"x"', id: 'i'.repeat(30_000), key: 'k'.repeat(30_000) },
]

/** Sends a body as it is. */
const sendRaw = (client: Client, page: Page) =>
  Promise.all(
    bodies.map(([what, body]) =>
      page
        .call(10_000, client.send(patterns.request, body, t.number, { timeout: 10_000 }))
        .then((result) => [what, E.isLeft(result) ? result.left._tag : 'Right']),
    ),
  )
const raw = { ...json, serialize: (body: unknown) => E.right(body as string | Buffer) }
const refused = bodies.map(([what]) => [what, 'InvalidPayload'])

for (const kind of kinds)
  await withBroker(kind, (url) => {
    fault(
      'F17',
      kind,
      'Huge, deep and poisonous payloads of a program of another make are set aside before any codec sees them: the service lives on, and its memory stays bounded.',
      async (trial) => {
        const { page, until, figure } = trial
        const { site, spawn, call, pull } = cast(trial, kind, url)
        const replica = await spawn({ by: 'replica' })
        const { allow, publish, letters, buried } = await foreign(site)
        await allow(2 * huge)
        const all = parcels()
        trial.fault(`${all.length} payloads that nobody should send`)
        for (const parcel of all) await publish([parcel])
        // n.b. kafkajs would unpack it whole: the broker has to refuse it
        if (kind === 'kafka') await expect(publish([{ body: airy(4 * huge), gzip: true }])).rejects.toThrow()
        const client = call()
        await emit(client, page, 1)
        await until(
          () => `what is sound is handled: ${page.lines.length} ${replica.running()} ${replica.output()}`,
          () => {
            pull()
            return page.count('handled') === 1
          },
        )
        let count = 0
        await until(
          () => `the others are set aside: ${count} of ${all.length} ${replica.running()} ${replica.output()}`,
          async () => (count = await buried()) >= all.length,
        )
        const found = await letters()
        expect(found).toHaveLength(all.length)
        expect([...new Set(found.map(({ reason }) => reason))]).toEqual(['invalid-payload'])
        expect(await sendRaw(call(undefined, { serde: raw }), page)).toEqual(refused)
        expect(E.isRight(await ask(client, page, 3))).toBe(true)
        replica.signal('SIGTERM')
        expect(await replica.ended).toBe(0)
        pull()
        figure('grownMiB', Number(noted(page, 'replica', 'grown by MiB: ')))
        expect(Number(noted(page, 'replica', 'grown by MiB: '))).toBeLessThan(256)
        expect(page.count('handled')).toBe(1)
      },
      { memoryMiB: 600 },
    )
  })

/** Frames that announce more than they may, or more than ever comes. */
const announcing = (length: number): Buffer => {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(length, 0)
  head[4] = frameType.request
  head.writeUInt32BE(1, 8)
  return head
}

fault(
  'F17',
  'tcp',
  'Frames that announce gigabytes are refused before anything is allocated, and deep and poisonous payloads before any codec sees them: the service lives on, and its memory stays bounded.',
  async (trial) => {
    const { page, until, figure } = trial
    const port = await freePort()
    const { spawn, call, pull } = cast(trial, 'tcp', `tcp://${host}:${port}`)
    const replica = await spawn({ by: 'replica' })
    trial.fault('60 frames of 2 GiB, half of them from strangers, and 400 of 1 MiB that do not go on')
    const strangers = await Promise.all(Array.from({ length: 30 }, () => rawClient(port)))
    const guests = await Promise.all(Array.from({ length: 30 }, () => welcomed(port)))
    for (const one of [...strangers, ...guests]) one.send(announcing(0x7fff_ffff))
    await until('they are sent away', () => [...strangers, ...guests].every((one) => one.closed()))
    const slow = await Promise.all(Array.from({ length: 400 }, () => welcomed(port)))
    for (const one of slow) one.send(announcing(mebi))
    const client = call()
    expect(E.isRight(await emit(client, page, 1))).toBe(true)
    trial.fault(`${bodies.length} payloads that nobody should send`)
    expect(await sendRaw(call(undefined, { serde: raw }), page)).toEqual(refused)
    expect(E.isRight(await ask(client, page, 3))).toBe(true)
    replica.signal('SIGTERM')
    expect(await replica.ended).toBe(0)
    pull()
    expect(page.count('handled')).toBe(1)
    figure('grownMiB', Number(noted(page, 'replica', 'grown by MiB: ')))
    expect(Number(noted(page, 'replica', 'grown by MiB: '))).toBeLessThan(256)
  },
)

/** What `deadLetters` does on every transport that keeps them. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import {
  createClient,
  createMicroservice,
  deadLetters,
  json,
  listen,
  orThrow,
  type AnyEndpoint,
  type Context,
  type EmitOptions,
  type Running,
  type Serde,
  type Service,
  type Transport,
} from 'taskwire'
import { describe, expect, onTestFinished, test } from 'vitest'

/** Transports that meet on a part of a broker which nobody else uses. Each call gives a fresh one. */
export type Place = () => Transport

const until = async (what: string, so: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> => {
  for (const end = Date.now() + ms; !(await so()); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
}

// Sends text as it is: JSON in a form that is not ours, and what is no JSON.
const verbatim: Serde = { ...json, serialize: (value) => E.right(String(value)) }

const Order = t.type({ n: t.number })
type Handle = (n: number, context: Context) => Either<string, void>

/** A start of a handler: what it was given. */
interface Start {
  readonly n: number
  readonly messageId: string
  readonly attempt: number
  readonly header: string | undefined
}

const closed: Handle = () => E.left('closed')

const shop = (transport: Transport, handle: Handle, name = 'shop') =>
  createMicroservice(name)
    .transport(transport)
    .onEvent(
      'order.placed',
      Order,
      ({ n }, context) =>
        () =>
          Promise.resolve(handle(n, context)),
    )

const serve = async (service: Service<Transport, AnyEndpoint>): Promise<Running> => {
  const running = await orThrow(listen(service, { log: false, drainTimeout: 2_000, abortGrace: 200 }))
  onTestFinished(async () => {
    await running.stop()
  })
  return running
}

/** Handles every order from now on, and notes each start. */
const reopen = async (place: Place, name = 'shop'): Promise<ReadonlyArray<Start>> => {
  const starts: Array<Start> = []
  await serve(
    shop(
      place(),
      (n, { messageId, attempt, headers }) => {
        starts.push({ n, messageId, attempt, header: headers['X-Kopf'] })
        return E.right(undefined)
      },
      name,
    ),
  )
  return starts
}

const order = (n: number): string => `{ "n" : ${n},\t"more": "ü" }`

type Emit = readonly [pattern: string, body: string, options?: EmitOptions]
const orders = (...all: ReadonlyArray<number>): ReadonlyArray<Emit> =>
  all.map((n) => ['order.placed', order(n), { messageId: `id-${n}`, headers: { 'X-Kopf': `ü ${n}` }, key: 'k' }])

/** Runs the services until they have set so much aside, and stops them. */
const setAside = async (
  place: Place,
  services: ReadonlyArray<Service<Transport, AnyEndpoint>>,
  emits: ReadonlyArray<Emit>,
  count = emits.length,
): Promise<void> => {
  let buried = 0
  const running = await Promise.all(services.map(serve))
  for (const { outcome$ } of running)
    outcome$.subscribe(({ settlement }) => {
      if (settlement === 'DeadLetter') buried += 1
    })
  const client = createClient(place(), { name: 'caller', serde: verbatim })
  for (const [pattern, body, options] of emits) await orThrow(client.emit(pattern, body, options))
  await until(`${count} events are given up`, () => buried >= count)
  await client.close()
  await Promise.all(running.map(({ stop }) => stop()))
}

const text = (body: Uint8Array | undefined): string => new TextDecoder().decode(body)
const sorted = (all: ReadonlyArray<string>): ReadonlyArray<string> => [...all].sort()
const idsOf = (all: ReadonlyArray<{ readonly messageId: string }>): ReadonlyArray<string> =>
  sorted(all.map(({ messageId }) => messageId))
const byId = <A extends { readonly messageId: string }>(all: ReadonlyArray<A>): ReadonlyArray<A> =>
  [...all].sort((a, b) => (a.messageId < b.messageId ? -1 : 1))
const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

/**
 * `aside` says what becomes of an event for a handler that its service no longer has: it waits in a queue of that handler, or
 * is set aside again because all handlers of a pattern share what comes again.
 */
export const contract = (
  name: string,
  open: () => Place | Promise<Place>,
  aside: 'waits' | 'again' = 'waits',
): void => {
  describe(`dead letters on ${name}`, { timeout: 180_000 }, () => {
    test('are none where the service has never run', async () => {
      const place = await open()
      const letters = deadLetters(shop(place(), closed))
      expect(await orThrow(letters.list())).toEqual([])
      expect(await orThrow(letters.redrive())).toEqual({ redriven: 0, refused: 0, refusals: [], kept: 0 })
      expect(await orThrow(letters.purge({}))).toEqual({ purged: 0, kept: 0 })
    })

    test('are shown as they came and with the reason, the oldest first; looking changes nothing', async () => {
      const place = await open()
      const before = Date.now()
      const service = shop(place(), closed)
      await setAside(place, [service], orders(1, 2, 3))
      const letters = deadLetters(service)
      const all = await orThrow(letters.list())
      expect(all.map(({ messageId }) => messageId)).toEqual(['id-1', 'id-2', 'id-3'])
      for (const [i, letter] of all.entries()) {
        const n = i + 1
        expect(text(letter.body)).toBe(order(n))
        expect({ ...letter.headers }).toEqual({ 'X-Kopf': `ü ${n}` })
        expect(letter.payload).toEqual(E.right({ n, more: 'ü' }))
        expect(letter).toMatchObject({ endpoint: 'order.placed', pattern: 'order.placed', service: 'shop', key: 'k' })
        expect(letter).toMatchObject({ correlationId: `id-${n}`, replays: 0, name: service.transports[0]!.name })
        expect(letter.reason).toMatchObject({ _tag: 'HandlerFailed', attempts: 1, errorId: undefined })
        expect(letter.instance).not.toBe('')
        const times = [letter.time, letter.reason.firstFailedAt, letter.reason.lastFailedAt]
        for (const time of times) expect(time).toBeGreaterThanOrEqual(before - 1)
      }
      expect(await orThrow(letters.list())).toEqual(all)
      expect(await orThrow(letters.list({ limit: 2 }))).toEqual(all.slice(0, 2))
      expect(idsOf(await orThrow(letters.list({ where: ({ messageId }) => messageId !== 'id-2' })))).toEqual([
        'id-1',
        'id-3',
      ])
    })

    test('go back while the service does not run: to their endpoint alone, once, as attempt 1, byte for byte', async () => {
      const place = await open()
      const service = shop(place(), closed)
      const other = shop(place(), closed, 'other')
      await setAside(place, [service, other], orders(1, 2, 3), 6)
      const letters = deadLetters(service)
      expect(await orThrow(letters.redrive())).toEqual({ redriven: 3, refused: 0, refusals: [], kept: 0 })
      expect(await orThrow(letters.list())).toEqual([])
      expect((await orThrow(letters.redrive())).redriven).toBe(0)
      const bystander = await reopen(place, 'other')
      const starts = await reopen(place)
      await until(`all are handled (${starts.length} are)`, () => starts.length >= 3)
      expect(byId(starts)).toEqual([1, 2, 3].map((n) => ({ n, messageId: `id-${n}`, attempt: 1, header: `ü ${n}` })))
      expect(bystander).toEqual([])
      expect(idsOf(await orThrow(deadLetters(other).list()))).toEqual(['id-1', 'id-2', 'id-3'])
    })

    test('go back while the service runs, and those that fail again lie there with one replay more, unchanged', async () => {
      const place = await open()
      let starts = 0
      const service = shop(place(), () => {
        starts += 1
        return closed(0, {} as Context)
      })
      await setAside(place, [service], orders(1, 2, 3))
      const letters = deadLetters(service)
      const first = await orThrow(letters.list())
      await serve(service)
      // n.b. it ends though each comes back at once
      expect((await orThrow(letters.redrive())).redriven).toBe(3)
      let second = await orThrow(letters.list())
      await until('they are given up again', async () => {
        second = await orThrow(letters.list())
        return second.length >= 3
      })
      expect(starts).toBe(6)
      for (const [i, letter] of byId(second).entries()) {
        const { messageId, body, headers, key, correlationId, pattern, payload, source } = byId(first)[i]!
        expect(letter).toMatchObject({ messageId, body, headers, key, correlationId, pattern, payload, source })
        expect(letter).toMatchObject({ replays: 1, reason: { _tag: 'HandlerFailed', attempts: 1 } })
      }
    })

    test('stay as they are where they are not meant, whatever happens to the others', async () => {
      const place = await open()
      const service = shop(place(), closed)
      await setAside(place, [service], orders(1, 2, 3, 4, 5))
      const letters = deadLetters(service)
      const all = await orThrow(letters.list())
      const meant =
        (...ids: ReadonlyArray<string>) =>
        ({ messageId }: { readonly messageId: string }) =>
          ids.includes(messageId)
      const plan = await orThrow(letters.purge({ where: meant('id-2'), dryRun: true }))
      expect(plan).toEqual({ purged: 1, kept: 4 })
      expect(await orThrow(letters.list())).toEqual(all)
      expect(await orThrow(letters.purge({ where: meant('id-2') }))).toEqual(plan)
      const trial = await orThrow(letters.redrive({ where: meant('id-2', 'id-4'), dryRun: true }))
      expect(trial).toEqual({ redriven: 1, refused: 0, refusals: [], kept: 3 })
      expect(idsOf(await orThrow(letters.list()))).toEqual(['id-1', 'id-3', 'id-4', 'id-5'])
      expect(await orThrow(letters.redrive({ where: meant('id-2', 'id-4') }))).toEqual(trial)
      const left = all.filter(({ messageId }) => !['id-2', 'id-4'].includes(messageId))
      expect(byId(await orThrow(letters.list()))).toEqual(byId(left))
      const starts = await reopen(place)
      await until('the one is handled', () => starts.length >= 1)
      expect(idsOf(starts)).toEqual(['id-4'])
    })

    test('go back up to a limit, the oldest first', async () => {
      const place = await open()
      const service = shop(place(), closed)
      await setAside(place, [service], orders(1, 2, 3, 4, 5))
      const letters = deadLetters(service)
      expect((await orThrow(letters.redrive({ limit: 2 }))).redriven).toBe(2)
      expect(idsOf(await orThrow(letters.list()))).toEqual(['id-3', 'id-4', 'id-5'])
      expect((await orThrow(letters.purge({ limit: 2 }))).purged).toBe(2)
      expect(idsOf(await orThrow(letters.list()))).toEqual(['id-5'])
    })

    test('that would be refused again stay, and the report says why, without their values', async () => {
      const place = await open()
      const service = shop(place(), closed)
      const wrong: ReadonlyArray<Emit> = [
        ['order.placed', '{"n":"secret"}', { messageId: 'wrong' }],
        ['order.placed', '{"n": secret', { messageId: 'garbage' }],
        ['order.placed', order(1), { messageId: 'good' }],
      ]
      await setAside(place, [service], wrong)
      const letters = deadLetters(service)
      const [garbage, good, bad] = byId(await orThrow(letters.list()))
      expect([garbage?.reason, good?.reason, bad?.reason]).toMatchObject([
        { _tag: 'InvalidPayload', attempts: 0 },
        { _tag: 'HandlerFailed', attempts: 1 },
        { _tag: 'InvalidPayload', attempts: 0 },
      ])
      const plan = await orThrow(letters.redrive({ dryRun: true }))
      expect(plan).toMatchObject({ redriven: 1, refused: 2, kept: 0 })
      expect(byId(plan.refusals)).toMatchObject([
        { messageId: 'garbage', endpoint: 'order.placed' },
        { messageId: 'wrong', issues: [{ path: 'n', expected: 'number' }] },
      ])
      expect(JSON.stringify(plan)).not.toContain('secret')
      expect(await orThrow(letters.redrive())).toEqual(plan)
      expect(idsOf(await orThrow(letters.list()))).toEqual(['garbage', 'wrong'])
      // a codec that takes more reads them now
      const lenient = createMicroservice('shop')
        .transport(place())
        .onEvent('order.placed', t.type({ n: t.unknown }), () => () => Promise.resolve(E.right(undefined)))
      expect(await orThrow(deadLetters(lenient).redrive({ dryRun: true }))).toMatchObject({ redriven: 1, refused: 1 })
    })

    test('go back to the handler that gave them up, and to no other of their pattern', async () => {
      const place = await open()
      const starts: Array<string> = []
      let broken = true
      const two = createMicroservice('shop')
        .transport(place())
        .onEvent(
          'order.placed',
          Order,
          ({ n }) =>
            async () =>
              E.right(void starts.push(`first ${n}`)),
        )
        .onEvent('order.placed', Order, ({ n }) => async () => {
          starts.push(`second ${n}`)
          return broken ? E.left('closed') : E.right(undefined)
        })
      await setAside(place, [two], orders(1, 2))
      await until('the other handler is through', () => starts.length >= 4)
      broken = false
      starts.length = 0
      const letters = deadLetters(two)
      expect((await orThrow(letters.list())).map(({ endpoint }) => endpoint)).toEqual([
        'order.placed#2',
        'order.placed#2',
      ])
      expect((await orThrow(letters.redrive())).redriven).toBe(2)
      await serve(two)
      await until('they are handled', () => starts.length >= 2)
      expect(sorted(starts)).toEqual(['second 1', 'second 2'])
    })

    test('of a handler that is gone are never put back to another, and are there when it comes back', async () => {
      const place = await open()
      const one = shop(place(), () => E.right(undefined))
      const two = one.onEvent('order.placed', Order, () => () => Promise.resolve(E.left('closed')))
      await setAside(place, [two], orders(1, 2))
      const plan = await orThrow(deadLetters(one).redrive())
      expect(plan.redriven).toBe(0)
      for (const { endpoint, issues } of plan.refusals) {
        expect(endpoint).toBe('order.placed#2')
        expect(issues).toEqual([{ path: '', expected: 'an endpoint with the id order.placed#2' }])
      }
      expect(idsOf(await orThrow(deadLetters(two).list()))).toEqual(['id-1', 'id-2'])
    })

    test('that a handler gets back after it is gone reach no other, and reach it when it comes back', async () => {
      const place = await open()
      const starts: Array<string> = []
      let broken = true
      const one = createMicroservice('shop')
        .transport(place())
        .onEvent(
          'order.placed',
          Order,
          ({ n }) =>
            async () =>
              E.right(void starts.push(`first ${n}`)),
        )
      const two = one.onEvent('order.placed', Order, ({ n }) => async () => {
        if (!broken) starts.push(`second ${n}`)
        return broken ? E.left('closed') : E.right(undefined)
      })
      await setAside(place, [two], orders(1, 2))
      await until('the other handler is through', () => starts.length >= 2)
      const letters = deadLetters(two)
      expect((await orThrow(letters.redrive())).redriven).toBe(2)
      const without = await serve(one)
      if (aside === 'again')
        await until('they are set aside again', async () => (await orThrow(letters.list())).length === 2)
      const client = createClient(place(), { name: 'caller', serde: verbatim })
      await orThrow(client.emit('order.placed', order(3)))
      await until('the other handler goes on', () => starts.includes('first 3'))
      await client.close()
      await without.stop()
      const again = await orThrow(letters.list())
      expect(byId(again)).toMatchObject(
        (aside === 'again' ? [1, 2] : []).map((n) => ({
          messageId: `id-${n}`,
          endpoint: 'order.placed#2',
          replays: 1,
          reason: { _tag: 'NoHandler', attempts: 0, message: 'the service has no such endpoint any more' },
        })),
      )
      broken = false
      await orThrow(letters.redrive())
      await serve(two)
      await until('they are handled', () => ['second 1', 'second 2'].every((all) => starts.includes(all)))
      expect(sorted(starts.filter((all) => !all.endsWith('3')))).toEqual(['first 1', 'first 2', 'second 1', 'second 2'])
    })

    test('of several patterns are told apart by their pattern', async () => {
      const place = await open()
      const service = shop(place(), closed).onEvent('order.paid', t.string, () => async () => E.left('closed'))
      await setAside(place, [service], [...orders(1, 2), ['order.paid', '"p"', { messageId: 'paid' }]])
      const letters = deadLetters(service)
      const paid = await orThrow(letters.list({ where: ({ pattern }) => pattern === 'order.paid' }))
      expect(paid).toMatchObject([{ messageId: 'paid', pattern: 'order.paid', payload: E.right('p') }])
      expect(await orThrow(letters.purge({ where: ({ pattern }) => pattern === 'order.paid' }))).toEqual({
        purged: 1,
        kept: 2,
      })
      expect(idsOf(await orThrow(letters.list()))).toEqual(['id-1', 'id-2'])
    })

    test('are swept to the last, however many there are', async () => {
      const place = await open()
      const service = shop(place(), closed)
      const all = range(300)
      await setAside(place, [service], orders(...all))
      const letters = deadLetters(service)
      expect(await orThrow(letters.list({ limit: Infinity }))).toHaveLength(300)
      expect(await orThrow(letters.list())).toHaveLength(100)
      const odd = ({ messageId }: { readonly messageId: string }): boolean => Number(messageId.slice(3)) % 2 === 1
      expect(await orThrow(letters.redrive({ where: odd }))).toMatchObject({ redriven: 150, kept: 150 })
      const left = await orThrow(letters.list({ limit: Infinity }))
      expect(left).toHaveLength(150)
      expect(left.some(odd)).toBe(false)
      const starts = await reopen(place)
      await until(`all are handled (${starts.length} are)`, () => new Set(starts.map(({ n }) => n)).size === 150)
      expect(starts.every(({ n }) => n % 2 === 1)).toBe(true)
    })

    test('are not lost by two sweeps at once', async () => {
      const place = await open()
      const service = shop(place(), closed)
      const all = range(60)
      await setAside(place, [service], orders(...all))
      await Promise.all(range(2).map(() => deadLetters(shop(place(), closed)).redrive()()))
      await orThrow(deadLetters(service).redrive())
      expect(await orThrow(deadLetters(service).list())).toEqual([])
      const starts = await reopen(place)
      await until(`all are handled (${starts.length} are)`, () => new Set(starts.map(({ n }) => n)).size === 60)
    })

    test('of large events go back too', async () => {
      const place = await open()
      const service = shop(place(), closed)
      const body = `{"n":1,"more":"${'x'.repeat(700_000)}"}`
      const large = range(3).map((i): Emit => ['order.placed', body, { messageId: `large-${i}` }])
      await setAside(place, [service], large)
      const letters = deadLetters(service)
      for (const letter of await orThrow(letters.list())) expect(text(letter.body) === body).toBe(true)
      expect((await orThrow(letters.redrive())).redriven).toBe(3)
      const starts = await reopen(place)
      await until('they are handled', () => starts.length >= 3)
      expect(idsOf(starts)).toEqual(['large-0', 'large-1', 'large-2'])
    })
  })
}

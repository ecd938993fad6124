import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { virtualClock } from 'taskwire/testing'
import type { ConnectError } from 'taskwire'
import { describe, expect, test } from 'vitest'
import { keepOpen, together } from '../../../lib/transport/broker/keep-open.js'

const down: ConnectError = { _tag: 'TransportFailed', name: 'x', message: 'down', cause: undefined }
const denied: ConnectError = { _tag: 'Unauthorized', message: 'denied' }

/** A broker that answers as it is told, one answer for each attempt; open once they are used up. */
const broker = (...answers: ReadonlyArray<Either<ConnectError, string>>) => unlucky(0.5, ...answers)

/** The same with another draw for each wait, from 0 to 1. */
const unlucky = (draw: number, ...answers: ReadonlyArray<Either<ConnectError, string>>) => {
  const { clock, advance } = virtualClock()
  const closed: Array<string> = []
  const log: Array<string> = []
  const statuses: Array<string> = []
  let attempts = 0
  let lose: (why: string) => void = () => undefined
  const kept = keepOpen<string>({ clock, random: () => draw, log: (text) => log.push(text) }, 'x', {
    what: 'x: the connection',
    open: async (lost) => {
      lose = lost
      return answers[attempts++] ?? E.right(`open ${attempts}`)
    },
    close: async (open) => void closed.push(open),
  })
  kept.status$.subscribe((status) => statuses.push(status))
  return { advance, closed, log, statuses, kept, attempts: () => attempts, lose: (why: string) => lose(why) }
}

describe('a connection that is kept open', () => {
  test('is tried again until it is open, and whoever waits is told', async () => {
    const { kept, advance, statuses, attempts } = broker(E.left(down), E.left(down))
    const opened = kept.opened()
    const heard: Array<string> = []
    kept.whenOpen(
      (open) => heard.push(open),
      () => heard.push('never'),
    )
    expect(await kept.attempt()).toEqual(E.left(down))
    expect(kept.current()).toBeUndefined()
    await advance(1_000)
    expect(await opened).toEqual(E.right('open 3'))
    expect(heard).toEqual(['open 3'])
    expect(attempts()).toBe(3)
    expect(statuses).toEqual(['connecting', 'ready'])
    await kept.close()
  })

  test('says once why it cannot be opened, and not of a single failure', async () => {
    const once = broker(E.left(down))
    await once.advance(1_000)
    expect(once.kept.current()).toBe('open 2')
    expect(once.log).toEqual([])
    const often = broker(E.left(down), E.left(down), E.left(down), E.left(down))
    await often.advance(10_000)
    expect(often.kept.current()).toBe('open 5')
    expect(often.log).toEqual(['x: the connection cannot be opened: x: down'])
    await Promise.all([once.kept.close(), often.kept.close()])
  })

  test('is opened again when it is lost, and the old one is closed', async () => {
    const { kept, advance, closed, statuses, log, lose } = broker()
    await kept.opened()
    lose('reset')
    lose('told twice')
    expect(kept.current()).toBeUndefined()
    await advance(1_000)
    expect(kept.current()).toBe('open 2')
    expect(closed).toEqual(['open 1'])
    expect(statuses).toEqual(['connecting', 'ready', 'lost', 'ready'])
    expect(log).toEqual(['x: the connection was lost: reset'])
    await kept.close()
  })

  test('is open again within 5.1 s of the end of an outage, however long that was', async () => {
    const outage = Array.from({ length: 20 }, () => E.left(down))
    const { kept, advance, attempts } = unlucky(0.999, ...outage)
    for (let ms = 0; attempts() < 20; ms += 100) await advance(100)
    await advance(5_100)
    expect(kept.current()).toBe('open 21')
    await kept.close()
  })

  test('is opened again at once each time that it is lost after a second', async () => {
    const { kept, advance, lose } = unlucky(0.999)
    await kept.opened()
    for (let time = 1; time <= 20; time += 1) {
      await advance(1_000)
      lose('reset')
      await advance(200)
      expect(kept.current()).toBe(`open ${time + 1}`)
    }
    await kept.close()
  })

  test('is opened more and more seldom when it is lost as soon as it is open, or refused', async () => {
    const first = unlucky(0.999)
    for (let time = 0; time < 100; time += 1) {
      first.lose('full')
      await first.advance(1_000)
    }
    expect(first.attempts()).toBeLessThan(30)
    const second = unlucky(0.999, E.right('first'), ...Array.from({ length: 100 }, () => E.left(denied)))
    await second.kept.opened()
    second.lose('the password is being changed')
    await second.advance(300_000)
    expect(second.attempts()).toBeLessThan(25)
    await Promise.all([first.kept.close(), second.kept.close()])
  })

  test('that is refused for good is not tried again', async () => {
    const { kept, advance, attempts } = broker(E.left(denied))
    const heard: Array<string> = []
    kept.whenOpen(
      () => undefined,
      ({ _tag }) => heard.push(_tag),
    )
    expect(await kept.opened()).toEqual(E.left(denied))
    await advance(60_000)
    expect(attempts()).toBe(1)
    kept.whenOpen(
      () => undefined,
      ({ _tag }) => heard.push(_tag),
    )
    expect(heard).toEqual(['Unauthorized', 'Unauthorized'])
    await kept.close()
  })

  test('that had been open is tried again whatever it is refused with', async () => {
    const { kept, advance, lose } = broker(E.right('first'), E.left(denied))
    await kept.opened()
    lose('the password is being changed')
    await advance(2_000)
    expect(kept.current()).toBe('open 3')
    await kept.close()
  })

  test('closes once, tells who waits, and opens nothing any more', async () => {
    const { kept, advance, closed, statuses, attempts } = broker(E.left(down))
    await kept.attempt()
    const waiting = kept.opened()
    const given: Array<string> = []
    const giveUp = kept.whenOpen(
      () => given.push('open'),
      () => given.push('never'),
    )
    giveUp()
    await Promise.all([kept.close(), kept.close()])
    expect(await waiting).toMatchObject(E.left({ _tag: 'TransportFailed' }))
    await advance(60_000)
    expect({ attempts: attempts(), closed, given }).toEqual({ attempts: 1, closed: [], given: [] })
    expect(statuses).toEqual(['connecting', 'closed'])
  })

  test('that is lost before it is open counts as lost', async () => {
    const { clock, advance } = virtualClock()
    let attempts = 0
    const kept = keepOpen<number>({ clock, random: () => 0, log: () => undefined }, 'x', {
      what: 'x',
      open: async (lost) => {
        attempts += 1
        if (attempts === 1) lost('at once')
        return E.right(attempts)
      },
      close: async () => undefined,
    })
    await advance(1_000)
    expect(kept.current()).toBe(2)
    await kept.close()
  })
})

test('several are ready together', () => {
  expect(together(['ready', 'ready'])).toBe('ready')
  expect(together(['ready', 'connecting'])).toBe('connecting')
  expect(together(['connecting', 'lost'])).toBe('lost')
  expect(together(['lost', 'closed'])).toBe('closed')
})

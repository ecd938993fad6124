import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { intake, type Gate, type Waiting } from '../../../lib/transport/memory/intake.js'
import { line } from '../../../lib/core/line.js'
import { memory, memoryBus } from '../../../lib/transport/memory/index.js'
import type { Answer } from '../../../lib/transport/transport.js'
import { ack, harness, outgoing, publish, retry, subscription, turn } from './harness.js'

describe('back-pressure', () => {
  test('a publish beyond the bound of a queue is answered only when there is room again, in order', async () => {
    const { replica, connect } = harness({ maxQueued: 3 })
    const { got, bodies } = await replica('users', [subscription('a', { concurrency: 2, window: 2 })])
    const client = await connect()
    const answers: Array<number> = []
    for (let i = 0; i < 10; i++) client.publish(outgoing('a', String(i)), () => answers.push(i))
    await turn()
    expect([answers, got.length]).toEqual([[0, 1, 2, 3, 4], 2])
    got[0]?.settle(ack)
    await turn()
    expect([answers.length, got.length]).toEqual([6, 3])
    for (let i = 1; i < 10; i++) {
      got[i]?.settle(ack)
      await turn()
    }
    expect(answers).toEqual(Array.from({ length: 10 }, (_, i) => i))
    expect(bodies()).toEqual(answers.map(String))
  })

  test('the bound in bytes holds over all queues, counts a message once, and lets one of any size alone through', async () => {
    const { replica, connect } = harness({ maxQueuedBytes: 1_000 })
    const { got } = await replica('users', [
      subscription('a'),
      subscription('a', { endpoint: 'a#2' }),
      subscription('b'),
    ])
    const client = await connect()
    const answers: Array<string> = []
    const send = (name: string, pattern: string, size: number): void =>
      void client.publish(outgoing(pattern, new Uint8Array(size)), () => answers.push(name))
    send('big', 'a', 5_000)
    send('next', 'b', 10)
    await turn()
    expect(answers).toEqual(['big'])
    got[0]?.settle(ack)
    await turn()
    expect(answers).toEqual(['big'])
    got[1]?.settle(ack)
    await turn()
    expect(answers).toEqual(['big', 'next'])
    send('fits', 'a', 990)
    send('waits', 'b', 1)
    await turn()
    expect(answers).toEqual(['big', 'next', 'fits'])
  })

  test('a large message that waits for bytes is not overtaken for ever by small ones', async () => {
    const { replica, connect } = harness({ maxQueuedBytes: 1_000 })
    const { got } = await replica('users', [subscription('a'), subscription('b')])
    const client = await connect()
    const answers: Array<string> = []
    const send = (name: string, pattern: string, size: number): void =>
      void client.publish(outgoing(pattern, new Uint8Array(size)), () => answers.push(name))
    for (let i = 0; i < 4; i++) send(`small ${String(i)}`, 'b', 200)
    send('large', 'a', 900)
    send('late', 'b', 100)
    await turn()
    expect(answers.length).toBe(4)
    for (let i = 0; i < 3; i++) got[i]?.settle(ack)
    await turn()
    expect(answers.length).toBe(4)
    got[3]?.settle(ack)
    await turn()
    expect(answers.slice(4)).toEqual(['large', 'late'])
  })

  test('a full queue holds up those who publish to it, and nobody else', async () => {
    const { replica, connect } = harness({ maxQueued: 1 })
    await replica('slow', [subscription('a', { concurrency: 1, window: 1 })])
    const { bodies } = await replica('fast', [subscription('a'), subscription('b')], () => ack)
    const client = await connect()
    const answers: Array<string> = []
    for (let i = 0; i < 5; i++) client.publish(outgoing('a'), () => answers.push('a'))
    await turn()
    for (let i = 0; i < 5; i++) client.publish(outgoing('b', 'b'), () => answers.push('b'))
    await turn()
    expect(answers.filter((name) => name === 'a').length).toBe(2)
    expect(answers.filter((name) => name === 'b').length).toBe(5)
    expect(bodies().filter((body) => body === 'b').length).toBe(5)
  })

  test('who gives up waiting publishes nothing and hears nothing, and the next one moves up', async () => {
    const { replica, connect } = harness({ maxQueued: 1 })
    const { got, bodies } = await replica('users', [subscription('a', { concurrency: 1, window: 1 })])
    const client = await connect()
    const answers: Array<number> = []
    const cancels = [0, 1, 2, 3].map((i) => client.publish(outgoing('a', String(i)), () => answers.push(i)))
    await turn()
    expect(answers).toEqual([0, 1])
    cancels[2]?.()
    for (let i = 0; i < 3; i++) {
      got[i]?.settle(ack)
      await turn()
    }
    expect([answers, bodies()]).toEqual([
      [0, 1, 3],
      ['0', '1', '3'],
    ])
  })

  test('what waits in delayed retry counts', async () => {
    const { replica, connect, time } = harness({ maxQueued: 2 })
    await replica('users', [subscription('a')], ({ context }) => (context.attempt === 1 ? retry(1_000, 2) : ack))
    const client = await connect()
    const answers: Array<Answer> = []
    for (let i = 0; i < 5; i++) client.publish(outgoing('a'), (answer) => answers.push(answer))
    await turn()
    expect(answers.length).toBeLessThan(5)
    await time.advance(3_000)
    expect(answers.length).toBe(5)
  })

  test('nobody waits for a group that has left', async () => {
    const { replica, connect } = harness({ maxQueued: 1 })
    const { stop } = await replica('users', [subscription('a', { concurrency: 1, window: 1 })])
    const other = await replica('mailer', [subscription('a')], () => ack)
    const client = await connect()
    const answers = Promise.all(Array.from({ length: 5 }, () => publish(client, 'a')))
    await turn()
    await stop()
    expect((await answers).map(({ _tag }) => _tag)).toEqual(Array.from({ length: 5 }, () => 'Accepted'))
    await turn()
    expect(other.got.length).toBe(5)
  })

  test('20,000 publishers that wait are all let in', async () => {
    const { replica, connect } = harness({ maxQueued: 10 })
    const { got } = await replica('users', [subscription('a', { concurrency: 1, window: 1 })], ({ settle }) => {
      queueMicrotask(() => settle(ack))
      return undefined
    })
    const client = await connect()
    await Promise.all(Array.from({ length: 20_000 }, () => publish(client, 'a')))
    await turn()
    expect(got.length).toBe(20_000)
  })

  test('options out of their range are reported by the transport', () => {
    expect(memory({ bus: memoryBus({ maxQueued: 0, maxDeadLetters: 0, maxQueuedBytes: NaN }) }).problems).toEqual([
      { option: 'maxQueued', expected: 'a number of at least 1' },
      { option: 'maxQueuedBytes', expected: 'a number of at least 1' },
    ])
    expect(memory().problems).toEqual([])
  })
})

interface Model extends Gate<Model> {
  readonly id: number
  held: number
}

describe('the door of a bus', () => {
  test('never passes a bound, keeps the order of each queue, and leaves nobody waiting without a cause', () => {
    const command = fc.oneof(
      fc.record({
        do: fc.constant('offer' as const),
        size: fc.integer({ min: 0, max: 60 }),
        to: fc.uniqueArray(fc.integer({ min: 0, max: 2 }), { minLength: 1 }),
      }),
      fc.record({ do: fc.constant('settle' as const), at: fc.nat() }),
      fc.record({ do: fc.constant('cancel' as const), at: fc.nat() }),
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
        const max = 2
        const maxBytes = 100
        const queues: ReadonlyArray<Model> = [0, 1, 2].map((id) => {
          const model: Model = { id, held: 0, waiting: line<Waiting<Model>>(), hasRoom: () => model.held < max }
          return model
        })
        const door = intake<Model>(maxBytes)
        const arrived: ReadonlyArray<Array<number>> = [[], [], []]
        const held: Array<() => void> = []
        const waiting = new Map<
          number,
          { readonly cancel: () => void; readonly size: number; readonly to: ReadonlyArray<number> }
        >()
        let bytes = 0
        const check = (): void => {
          expect(queues.every((queue) => queue.held <= max)).toBe(true)
          arrived.forEach((ids) => {
            expect(ids).toEqual([...ids].sort((a, b) => a - b))
          })
          const short = (size: number): boolean => bytes > 0 && bytes + size > maxBytes
          // A cause: a full queue, too few bytes for it or for another one, or somebody before it in one of its queues.
          const stuck = [...waiting].every(
            ([id, { to }]) =>
              to.some((at) => (queues[at]?.held ?? 0) >= max) ||
              [...waiting].some(
                ([other, each]) => short(each.size) || (other < id && each.to.some((at) => to.includes(at))),
              ),
          )
          expect(stuck).toBe(true)
          if (held.length === 0) expect(waiting.size).toBe(0)
        }
        commands.forEach((each, id) => {
          if (each.do === 'offer') {
            const to = each.to.flatMap((at) => queues[at] ?? [])
            let accepted = false
            const cancel = door.offer(each.size, to, (into, free) => {
              accepted = true
              waiting.delete(id)
              expect(bytes === 0 || bytes + each.size <= maxBytes).toBe(true)
              bytes += each.size
              let left = into.length
              for (const queue of into) {
                queue.held++
                arrived[queue.id]?.push(id)
                held.push(() => {
                  queue.held--
                  if (--left === 0) bytes -= each.size
                  door.roomIn(queue)
                  free()
                })
              }
            })
            if (!accepted) waiting.set(id, { cancel, size: each.size, to: each.to })
          } else if (each.do === 'settle') {
            const [done] = held.splice(each.at % Math.max(1, held.length), 1)
            done?.()
          } else {
            const [id, found] = [...waiting][each.at % Math.max(1, waiting.size)] ?? []
            if (id !== undefined) waiting.delete(id)
            found?.cancel()
          }
          check()
        })
        while (held.length > 0) held.shift()?.()
        expect([waiting.size, bytes]).toEqual([0, 0])
      }),
      { numRuns: 500 },
    )
  })
})

import { describe, expect, it } from 'vitest'
import { closeCode, frameType } from '../../../lib/transport/tcp/frame.js'
import { call, welcomed, type Raw } from './raw.js'
import { echo, on, serving, until } from './support.js'

const echoing = [on('message', 'echo')]

describe('frames that have begun', () => {
  it('are bounded over all connections of a server, and leave nothing behind', async () => {
    const limits = { maxPendingBytes: 3_000_000 }
    const { port } = await serving(echoing, echo, { limits })
    const whole = call(1, 'echo', 'x'.repeat(1_000_000))
    for (let round = 0; round < 2; round++) {
      const raws = await Promise.all(Array.from({ length: 6 }, () => welcomed(port)))
      for (const raw of raws) raw.send(whole.subarray(0, whole.length - 1))
      const refused = (): ReadonlyArray<Raw> => raws.filter((raw) => raw.closed())
      await until(() => refused().length > 0)
      await new Promise((resolve) => void setTimeout(resolve, 100))
      for (const raw of refused()) expect((await raw.goaway()).code).toBe(closeCode.overloaded)
      const left = raws.filter((raw) => !raw.closed())
      expect(left.length).toBeGreaterThan(0)
      for (const raw of left) {
        raw.send(whole.subarray(whole.length - 1))
        await raw.got(frameType.reply)
        raw.send(call(2, 'echo', 'z'.repeat(500_000)).subarray(0, 1_000))
        raw.socket.destroy()
      }
      await new Promise((resolve) => void setTimeout(resolve, 50))
    }
  })
})

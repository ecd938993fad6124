import { describe, expect, it } from 'vitest'
import { closeCode } from '../../../lib/transport/tcp/frame.js'
import { fuzz } from './fuzzing.js'

describe('50,000 mutated frames', () => {
  it('throw nothing, end connections with a reason, and leave memory as it was', async () => {
    const seed = Math.floor(Math.random() * 1_000_000_000)
    const { frames, closes, answers, grown } = await fuzz(50_000, seed)
    const about = `seed ${String(seed)}`
    expect(frames, about).toBeGreaterThanOrEqual(50_000)
    expect(answers, about).toBeGreaterThan(1_000)
    expect(closes.get(closeCode.protocol), about).toBeGreaterThan(100)
    expect(closes.get(closeCode.tooLarge), about).toBeGreaterThan(10)
    expect(grown, about).toBeLessThan(16 * 1_048_576)
  }, 60_000)
})

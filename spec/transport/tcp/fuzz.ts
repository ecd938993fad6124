/** `npm run fuzz`: a million mutated frames. FUZZ_RUNS and FUZZ_SEED override; the seed is printed, for another look. */
import { fuzz } from './fuzzing.js'

const runs = Number(process.env['FUZZ_RUNS'] ?? 1_000_000)
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000_000)
console.log(`seed ${String(seed)}`)
const began = performance.now()
const { frames, connections, closes, answers, grown } = await fuzz(runs, seed)
const seconds = ((performance.now() - began) / 1_000).toFixed(1)
const codes = [...closes]
  .sort(([a], [b]) => a - b)
  .map(([code, count]) => `${String(code)}: ${String(count)}`)
  .join(', ')
console.log(
  `${String(frames)} frames over ${String(connections)} connections in ${seconds} s, ${String(answers)} answers`,
)
console.log(`goodbyes by code: ${codes}; memory ${(grown / 1_048_576).toFixed(1)} MiB more than after the first tenth`)
if (frames < runs || grown > 16 * 1_048_576) process.exitCode = 1

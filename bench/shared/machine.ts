/** The machine, and how much of it other programs took while the benchmark ran. */
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { bench, root } from './build.js'
import { manifestVersion, versionOf } from './install.js'

export const machine = (): string =>
  `node ${process.version}, ${cpus().length} cores, ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${process.platform} ${process.arch}`

/** The library's, its dependencies' and the peers'; `drivers` are those that the contenders use, `moleculers` those of Moleculer. */
export const versions = (
  drivers: ReadonlyArray<string> = [],
  moleculers: ReadonlyArray<string> = [],
): Readonly<Record<string, string>> => ({
  taskwire: manifestVersion(root),
  'fp-ts': versionOf('fp-ts', root),
  'io-ts': versionOf('io-ts', root),
  '@nestjs/microservices': versionOf('@nestjs/microservices', bench),
  '@nestjs/core': versionOf('@nestjs/core', bench),
  rxjs: versionOf('rxjs', bench),
  ...Object.fromEntries(drivers.map((name) => [name, versionOf(name, bench)])),
  ...Object.fromEntries(
    moleculers.map((name) => [
      name === 'moleculer' ? name : `${name} of moleculer`,
      versionOf(name, join(bench, 'moleculer')),
    ]),
  ),
})

const busyMs = (): number => cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)

export interface Noise {
  readonly loadAverage: readonly [before: number, after: number]
  /** Cores kept busy by other programs, on average. */
  readonly otherCores: number
}

/** Starts watching; the returned function takes the benchmark's own CPU time in microseconds. */
export const watch = (): ((ownUs: number) => Noise) => {
  const before = loadavg()[0] ?? NaN
  const busy = busyMs()
  const start = performance.now()
  return (ownUs) => ({
    loadAverage: [before, loadavg()[0] ?? NaN],
    otherCores: Math.max(0, (busyMs() - busy - ownUs / 1000) / (performance.now() - start)),
  })
}

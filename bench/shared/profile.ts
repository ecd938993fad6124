/** `--prof CONTENDER`: one contender alone, both processes under `--cpu-prof`, and where their time went. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { startPair, type Options, type Workload } from './pair.js'
import type { Part } from './commands.js'

const TOP_OWNERS = 15
const TOP_FUNCTIONS = 30

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: ReadonlyArray<number>
}

interface Profile {
  readonly nodes: ReadonlyArray<ProfileNode>
  readonly samples: ReadonlyArray<number>
  readonly timeDeltas: ReadonlyArray<number>
}

type Frames = ReadonlyArray<ProfileNode['callFrame']>

/** A function on top of its callers, the nearest first. */
const stacks = ({ nodes }: Profile): ReadonlyMap<number, Frames> => {
  const known = new Map<number, Frames>()
  const children = new Map(nodes.map((node) => [node.id, node]))
  const walk = (id: number, callers: Frames): void => {
    const node = children.get(id)
    if (node === undefined) return
    const stack = [node.callFrame, ...callers]
    known.set(id, stack)
    for (const child of node.children ?? []) walk(child, stack)
  }
  walk(nodes[0]?.id ?? 0, [])
  return known
}

const nameOf = ({ functionName }: Frames[number]): string => functionName || '(anonymous)'

const functionOf = ([top]: Frames): string =>
  top === undefined ? '' : `${nameOf(top)}${top.url === '' ? '' : ` ${top.url}:${top.lineNumber + 1}`}`

/** The package or the folder; what belongs to Node counts for who called it. */
const ownerOf = (stack: Frames): string => {
  const caller = stack.find(({ url }) => url !== '' && !url.startsWith('node:'))
  if (caller === undefined) return stack[0] === undefined ? '' : nameOf(stack[0])
  return /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(caller.url)?.[1] ?? caller.url.replace(/\/[^/]*$/, '')
}

/** Self time in microseconds, the largest first; waiting for events is left out. */
const selfTimes = (
  profile: Profile,
  key: (stack: Frames) => string,
): ReadonlyArray<readonly [key: string, us: number]> => {
  const known = stacks(profile)
  const total = new Map<string, number>()
  profile.samples.forEach((id, index) => {
    const stack = known.get(id)
    if (stack === undefined || stack[0]?.functionName === '(idle)') return
    const where = key(stack)
    total.set(where, (total.get(where) ?? 0) + (profile.timeDeltas[index] ?? 0))
  })
  return [...total].sort(([, a], [, b]) => b - a)
}

const print = (title: string, file: string, shorten: (text: string) => string): void => {
  const found = JSON.parse(readFileSync(file, 'utf8')) as Profile
  const section = (heading: string, key: (stack: Frames) => string, top: number): void => {
    const times = selfTimes(found, key)
    const all = times.reduce((sum, [, us]) => sum + us, 0)
    console.log(`\n${title}, ${heading}: ${(all / 1e6).toFixed(2)} s busy, start included`)
    for (const [where, us] of times.slice(0, top)) {
      const share = ((100 * us) / all).toFixed(1).padStart(6)
      console.log(`${share} %  ${(us / 1000).toFixed(0).padStart(6)} ms  ${shorten(where)}`)
    }
  }
  section('self time by package or folder', ownerOf, TOP_OWNERS)
  section('self time by function', functionOf, TOP_FUNCTIONS)
  console.log(`(${file})`)
}

export const profile = async (part: Part, workload: Workload, options: Options): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'taskwire-prof-'))
  const execArgv = ['--cpu-prof', '--cpu-prof-interval', '250', '--cpu-prof-dir', folder]
  const pair = await startPair(part, { ...options, execArgv })
  await pair.prime(workload._tag === 'events')
  const cell = await pair.measure(workload)
  await pair.stop()
  console.log(
    `${part.name}: ${Math.round(cell.rate)} ${workload._tag}/s, ${cell.cpuUs.toFixed(1)} us CPU each, under the profiler`,
  )

  const build = `${pathToFileURL(options.build).href}/`
  const shorten = (text: string): string => text.replace(build, '').replace(/file:\S*\/node_modules\//, '')
  // CPU.date.time.PID.thread.sequence.cpuprofile
  const files = readdirSync(folder).filter((file) => file.endsWith('.cpuprofile'))
  for (const [role, pid] of Object.entries(pair.pids)) {
    const file = files.find((one) => one.includes(`.${pid}.`))
    if (file !== undefined) print(`${part.name} ${role}`, join(folder, file), shorten)
  }
}

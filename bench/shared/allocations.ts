/** What this process allocates and where, by V8's sampling heap profiler: what is collected meanwhile counts too. */
import { type HeapProfiler, Session } from 'node:inspector/promises'

export interface Allocated {
  readonly bytes: number
  /** The functions that allocated most themselves, as `name url:line`. */
  readonly top: ReadonlyArray<{ readonly where: string; readonly bytes: number }>
}

const INTERVAL_BYTES = 32_768
const TOP = 40

const session = new Session()

export const sample = async (): Promise<void> => {
  session.connect()
  await session.post('HeapProfiler.enable')
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: INTERVAL_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  } as HeapProfiler.StartSamplingParameterType)
}

type Node = HeapProfiler.SamplingHeapProfileNode

const where = ({ callFrame }: Node): string => {
  const name = callFrame.functionName || '(anonymous)'
  return callFrame.url === '' ? name : `${name} ${callFrame.url}:${callFrame.lineNumber + 1}`
}

export const sampled = async (): Promise<Allocated> => {
  const { profile } = await session.post('HeapProfiler.stopSampling')
  session.disconnect()
  const total = new Map<string, number>()
  const walk = (node: Node): void => {
    total.set(where(node), (total.get(where(node)) ?? 0) + node.selfSize)
    node.children.forEach(walk)
  }
  walk(profile.head)
  const all = [...total].map(([name, bytes]) => ({ where: name, bytes })).sort((a, b) => b.bytes - a.bytes)
  return { bytes: all.reduce((sum, { bytes }) => sum + bytes, 0), top: all.slice(0, TOP) }
}

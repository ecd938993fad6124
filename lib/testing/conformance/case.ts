import type { Task } from 'fp-ts/lib/Task.js'
import type { Capabilities } from '../../transport/transport.js'
import type { Stage } from './stage.js'

/** One guarantee, ready to be examined. */
export interface Case {
  /** Stable: `C01`, `C02`, ... */
  readonly id: string
  /** The guarantee in one sentence; where the transport lacks the capability, what holds in its place. */
  readonly title: string
  /** `absent`: the capability's flag is false, and the case shows the weaker behaviour. */
  readonly support: 'native-or-layer' | 'absent'
  /** Rejects with a plain Error that says what was broken. */
  readonly run: Task<void>
}

/** A guarantee, for whatever transport. */
export interface Guarantee {
  readonly id: string
  readonly title: string
  readonly examine: (stage: Stage) => Promise<void>
  /** For guarantees that a transport may honestly lack. */
  readonly unless?: {
    readonly lacks: (capabilities: Capabilities) => boolean
    /** What holds in its place. */
    readonly title: string
    readonly examine: (stage: Stage) => Promise<void>
  }
}

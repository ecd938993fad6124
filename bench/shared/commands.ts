/** What `pair.ts` asks of the two processes of a contender, and what they answer. */
import type { Allocated } from './allocations.js'
import type { Published } from './events.js'
import type { Load } from './load.js'
import type { Memory } from './memory.js'

/** What both processes of a contender are told. */
export interface Part {
  /** The URL of a module that is a `Contenders`. */
  readonly contenders: string
  /** The URL of the folder with the peers' modules. */
  readonly peers: string
  readonly name: string
  readonly place: unknown
  /** Endpoints of the service, 1 by default; requests are spread over them. */
  readonly endpoints?: number
  /** Whether there is one more, of which requests stay in flight. */
  readonly holds?: boolean
}

export interface Requests {
  /** On all connections together. */
  readonly inFlight: number
  readonly ms: number
  /** 1 by default. */
  readonly connections?: number
  /** Of a payload; an ordinary one by default. */
  readonly bytes?: number
}

/** For both sides. */
type Common =
  { readonly _tag: 'cpu' } | { readonly _tag: 'memory' } | { readonly _tag: 'sample' } | { readonly _tag: 'sampled' }

export type ServerCommand =
  | Common
  | { readonly _tag: 'expect'; readonly from: number; readonly count: number }
  | { readonly _tag: 'handled'; readonly ms: number }
  | { readonly _tag: 'held'; readonly count: number }
  | { readonly _tag: 'release' }

export type ClientCommand =
  | Common
  | { readonly _tag: 'prime'; readonly ms: number }
  | ({ readonly _tag: 'run' } & Requests)
  | { readonly _tag: 'publish'; readonly from: number; readonly count: number; readonly window: number }
  | { readonly _tag: 'connect'; readonly connections: number }
  | { readonly _tag: 'hold'; readonly count: number; readonly connections: number }
  | { readonly _tag: 'released' }

export type Answer =
  | { readonly _tag: 'ready' }
  | { readonly _tag: 'cpu'; readonly us: number }
  | { readonly _tag: 'memory'; readonly memory: Memory }
  | { readonly _tag: 'allocated'; readonly allocated: Allocated }
  | { readonly _tag: 'load'; readonly load: Load }
  | ({ readonly _tag: 'published' } & Published)
  | { readonly _tag: 'handled'; readonly at: number; readonly missing: number }
  | { readonly _tag: 'failed'; readonly message: string }

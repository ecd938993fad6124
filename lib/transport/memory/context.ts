import type { Context } from '../../core/context.js'
import { fixtureContext } from '../../core/fixture.js'

/** What a handler on the memory transport is told. */
export interface MemoryContext<out N extends string = 'memory'> extends Context<N> {
  readonly transport: 'memory'
}

/** A context for calling handlers of the memory transport as plain functions; give `name` for another token. */
export const memoryContext = <const N extends string = 'memory'>(
  fields: Partial<MemoryContext<N>> = {},
): MemoryContext<N> => ({
  ...fixtureContext({ transport: 'memory', name: 'memory' as N }),
  ...fields,
})

import type { EmitOptions } from '../../client/options.js'

/** An event has no ordering key, its emit gives it one, or its endpoint works one out from the payload. */
export type Way = 'none' | 'sent' | 'worked out'

export const ways: ReadonlyArray<Way> = ['none', 'sent', 'worked out']

/** The options of an emit. */
export const optionsOf = (way: Way, key: string): EmitOptions => (way === 'sent' ? { key } : {})

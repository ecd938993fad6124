/** Consumer groups. */
import type { Redis } from 'ioredis'
import { codeOf } from './errors.js'

/** Makes a group, and its stream, unless it is there already. `from`: `$` for what comes, `0` for everything. */
export const createGroup = async (redis: Redis, stream: string, group: string, from: '$' | '0'): Promise<void> => {
  try {
    await redis.xgroup('CREATE', stream, group, from, 'MKSTREAM')
  } catch (error) {
    if (codeOf(error) !== 'BUSYGROUP') throw error
  }
}

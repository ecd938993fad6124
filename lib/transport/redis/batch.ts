/**
 * What one tick emits to one stream, as one command. It names once what the events share, and one answer is for all of
 * them: with a command, a promise and an answer for each a publisher took more than twice the time.
 */
import type { Body } from '../../core/settlement.js'
import type { Fields } from '../broker/attributes.js'
import { bodyField, bodyPart } from './entry.js'
import { script, type Part } from './script.js'

/**
 * KEYS: stream. ARGV: its bound, 1 where somebody has to listen, how many parts the events share, these, and of each event
 * how many parts it has of its own, its body, and these. Gives how many were appended where all were; otherwise that number
 * and why the next one was not: 1 the stream is full, 2 nobody listens, or what Redis said.
 */
export const emit = script(`
local length, groups = redis.call('XLEN', KEYS[1]), nil
local function heard()
  groups = groups or (redis.call('EXISTS', KEYS[1]) == 1 and #redis.call('XINFO', 'GROUPS', KEYS[1]) or 0)
  return groups > 0
end
if ARGV[2] == '1' and not heard() then return { 0, 2 } end
local bound, shared = tonumber(ARGV[1]), tonumber(ARGV[3])
local command = { 'XADD', KEYS[1], '*', '${bodyField}', '', unpack(ARGV, 4, 3 + shared) }
local all, at, done = 5 + shared, 4 + shared, 0
while at <= #ARGV do
  if length + done >= bound and heard() then return { done, 1 } end
  local own = tonumber(ARGV[at])
  for i = 0, own do command[i == 0 and 5 or all + i] = ARGV[at + 1 + i] end
  local added = redis.pcall(unpack(command, 1, all + own))
  if type(added) == 'table' and added.err then return done == 0 and added or { done, added.err } end
  done = done + 1
  at = at + 2 + own
end
if length + done > bound then redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', bound) end
return done`)

/** Events in one command: Redis works on some while others are still being made. */
const most = 64
/** The same in bytes of their bodies. */
const mostBytes = 1_048_576

/** How one event of a batch ended; an error is what Redis answered. */
export type Appended = 'appended' | 'full' | 'nobody' | Error

export interface Batch {
  readonly args: ReadonlyArray<Part>
  /** The body first, as the value of the field `body`. False when there is no room left for it. */
  readonly add: (body: Body, own: Fields) => boolean
}

/** A batch of events for a stream of at most `bound` entries. */
export const batch = (bound: number, mandatory: boolean, shared: Fields): Batch => {
  const args: Array<Part> = [String(bound), mandatory ? '1' : '0', '']
  let events = 0
  let bytes = 0
  for (const name in shared) args.push(name, shared[name] ?? '')
  args[2] = String(args.length - 3)
  return {
    args,
    add: (body, own) => {
      if (events === most || (bytes > 0 && bytes + body.length > mostBytes)) return false
      events += 1
      bytes += body.length
      const at = args.push('', bodyPart(body))
      for (const name in own) args.push(name, own[name] ?? '')
      args[at - 2] = String(args.length - at)
      return true
    },
  }
}

const said = (why: unknown): Appended =>
  why === 1
    ? 'full'
    : why === 2
      ? 'nobody'
      : // n.b. as the driver would have it; Redis before 7 says errors of a script with their sign
        Object.assign(new Error(String(why).replace(/^-/, '')), { name: 'ReplyError' })

/** How the events of a batch ended, each by its place. */
export const ends = (answer: unknown): ((place: number) => Appended) => {
  if (!Array.isArray(answer)) return () => 'appended'
  const [done, why] = answer as ReadonlyArray<unknown>
  const other = said(why)
  return (place) => (place < Number(done) ? 'appended' : other)
}

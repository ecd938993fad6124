/**
 * What must happen at once, as Lua. A MULTI would not do: when one of its commands fails, for instance because a key holds
 * something else, Redis executes the others all the same, and an event would be acknowledged without its dead letter.
 * A script ends at the first command that fails, so what loses comes last. Time is that of Redis.
 */
import { emit } from './batch.js'
import { script, type Script } from './script.js'

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

// KEYS[1] the stream of the entry. ARGV: group, id, 1 where this ends the entry, 1 where the stream is this group's own,
// 1 where an earlier run may have been executed: then what is no longer pending is done.
const ending = `
if ARGV[5] == '1' then
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
  if not pending.err and #pending == 0 then return 0 end
end
-- acknowledges nothing: where the entry could not be acknowledged, this fails before anything is written
if ARGV[3] == '1' then redis.call('XACK', KEYS[1], ARGV[1], '0-0') end
local function done()
  if ARGV[3] ~= '1' then return 1 end
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
  if ARGV[4] == '1' then redis.call('XDEL', KEYS[1], ARGV[2]) end
  return 1
end`

/** KEYS: a stream of retries. ARGV: group, id. Acknowledges, and removes: nobody else reads there. */
export const acknowledge = script(`
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
return 1`)

/** KEYS: stream, target. ARGV as above, then the fields. Appends to the target and ends the entry. */
export const append = script(`${ending}
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 6))
return done()`)

/** KEYS: dead letters, retries. ARGV: id, then the fields. Puts one back; gives 0 where somebody else was faster. */
export const redrive = script(`
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 2))
redis.call('XDEL', KEYS[1], ARGV[1])
return 1`)

/** KEYS: stream, delayed. ARGV: those of `append`, the delay in ms, then the fields. */
export const delay = script(`${ending}${now}
local fields = {}
for i = 7, #ARGV do fields[#fields + 1] = ARGV[i] end
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[6]), cmsgpack.pack(fields))
return done()`)

/**
 * KEYS: delayed, retry. Moves what is due. Gives how many ms are left to the next one, -1 where there is none. What is no
 * list of names and values was not written by us: it becomes a body, since one that fails would hold up all others.
 */
export const move = script(`${now}
local function fieldsOf(member)
  local ok, fields = pcall(cmsgpack.unpack, member)
  if not ok or type(fields) ~= 'table' or #fields < 2 or #fields % 2 > 0 or #fields > 7000 then return { 'body', member } end
  for _, one in ipairs(fields) do
    if type(one) ~= 'string' then return { 'body', member } end
  end
  return fields
end
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)
for _, member in ipairs(due) do
  redis.call('XADD', KEYS[2], '*', unpack(fieldsOf(member)))
  redis.call('ZREM', KEYS[1], member)
end
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #next == 0 then return -1 end
return math.max(0, tonumber(next[2]) - now)`)

// Gives those of `found` that still exist to the consumer, and forgets the others.
const taking = `
local taken, lost = {}, {}
local function take(id, deliveries)
  local got = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'RETRYCOUNT', deliveries)
  if got[1] then
    taken[#taken + 1] = { id, deliveries, got[1][2] }
  else
    redis.call('XACK', KEYS[1], ARGV[1], id)
    lost[#lost + 1] = id
  end
end`

/** KEYS: stream. ARGV: group, consumer, lease in ms, how many. Takes over what its replica has not renewed. */
export const claim = script(`${taking}
for _, one in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])) do
  take(one[1], one[4] + 1)
end
return { taken, lost }`)

/**
 * KEYS: stream. ARGV: group, consumer, how many, the ids that the consumer knows of. Gives what is pending for the consumer
 * without its knowledge, because a reply was lost: it was delivered already, and is not counted again.
 */
export const recover = script(`${taking}
local known = {}
for i = 4, #ARGV do known[ARGV[i]] = true end
local from, left = '-', tonumber(ARGV[3])
while left > 0 do
  local page = redis.call('XPENDING', KEYS[1], ARGV[1], from, '+', 100, ARGV[2])
  for _, one in ipairs(page) do
    if left > 0 and not known[one[1]] then
      take(one[1], one[4])
      left = left - 1
    end
    from = '(' .. one[1]
  end
  if #page < 100 then break end
end
return { taken, lost }`)

// KEYS[1] the stream. ARGV: group, consumer, ids. Does something to those that are still the consumer's.
const each = (how: string): string => `
local count = 0
for i = 3, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) > 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], ${how} 'JUSTID')
    count = count + 1
  end
end
return count`

/** Says that the consumer is alive and at work on these. */
export const renew = script(each(''))

/** Lets anybody take these at once. */
export const release = script(each(`'IDLE', 86400000, `))

/** KEYS: stream. ARGV: group, consumer. Forgets a consumer, unless something is pending for it. */
export const leave = script(`
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1`)

// Pairs of names and values as a table.
const table = `
local function named(list)
  local out = {}
  for i = 1, #list, 2 do out[list[i]] = list[i + 1] end
  return out
end`

/** KEYS: stream. ARGV: group, ms. Forgets consumers that are gone for so long and hold nothing. */
export const sweep = script(`${table}
for _, one in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = named(one)
  if consumer.pending == 0 and consumer.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
  end
end
return 1`)

/**
 * KEYS: stream, seen. ARGV: how long a group may be absent in ms, how long nobody may have looked before absence is counted
 * anew, and the group that asks. Trims what every group has acknowledged. Gives how many entries that were, the groups it
 * disregards, and how many were removed that this group had not read, each told once; n.b. Redis counts them from 7.0 on.
 */
export const trim = script(`${now}${table}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 0, {}, 0 } end
local function before(a, b)
  local am, as = string.match(a, '(%d+)-(%d+)')
  local bm, bs = string.match(b, '(%d+)-(%d+)')
  if #am ~= #bm then return #am < #bm end
  if am ~= bm then return am < bm end
  if #as ~= #bs then return #as < #bs end
  return as < bs
end
local function after(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  if tonumber(seq) > 9007199254740000 then return id end
  return ms .. '-' .. string.format('%.0f', tonumber(seq) + 1)
end
local looked = tonumber(redis.call('HGET', KEYS[2], '') or '0')
if now - looked > tonumber(ARGV[2]) then
  for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
    if string.sub(field, 1, 5) ~= 'lost:' then redis.call('HDEL', KEYS[2], field) end
  end
end
redis.call('HSET', KEYS[2], '', now)
local stream = named(redis.call('XINFO', 'STREAM', KEYS[1]))
local least, absent, unread = nil, {}, 0
for _, one in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = named(one)
  local last = group['last-delivered-id']
  if group.name == ARGV[3] and group['entries-read'] then
    local lost = stream['entries-added'] - group['entries-read']
    -- while it has read a part of what is there, that would have to be counted
    local all = stream.length == 0 or last == stream['last-generated-id']
    local none = not all and before(last, stream['recorded-first-entry-id'])
    if none then lost = lost - stream.length end
    if all or none then
      local told = tonumber(redis.call('HGET', KEYS[2], 'lost:' .. group.name) or '0')
      if lost ~= told then redis.call('HSET', KEYS[2], 'lost:' .. group.name, lost) end
      unread = math.max(0, lost - told)
    end
  end
  local present = false
  for _, two in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], group.name)) do
    if named(two).idle < tonumber(ARGV[1]) then present = true end
  end
  if present then redis.call('HDEL', KEYS[2], group.name) else redis.call('HSETNX', KEYS[2], group.name, now) end
  if not present and now - tonumber(redis.call('HGET', KEYS[2], group.name)) > tonumber(ARGV[1]) then
    absent[#absent + 1] = group.name
  else
    local needed = after(last)
    if group.pending > 0 then needed = redis.call('XPENDING', KEYS[1], group.name)[2] end
    if least == nil or before(needed, least) then least = needed end
  end
end
if least == nil then return { 0, absent, unread } end
return { redis.call('XTRIM', KEYS[1], 'MINID', least), absent, unread }`)

/** KEYS: presence. ARGV: replica, ms. The replica answers requests. */
export const present = script(`${now}
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[2]) * 2)
return 1`)

/** KEYS: requests. ARGV: group. Removes what was read: nobody reads it a second time. The last stays: its id says how far. */
export const forget = script(`${table}
for _, one in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = named(one)
  if group.name == ARGV[1] then return redis.call('XTRIM', KEYS[1], 'MINID', group['last-delivered-id']) end
end
return 0`)

/** KEYS: presence. Gives how many replicas answer requests. */
export const replicas = script(`${now}
return redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')`)

/**
 * KEYS: presence, requests. ARGV: group, id. Takes a request back that nobody has read, where nobody is there to read it.
 * Gives 1 when it did: it was not handled, and never will be.
 */
export const withdraw = script(`${now}
if redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf') > 0 then return 0 end
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[2])
if groups.err then return 1 end
local function parts(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(seq)
end
local ms, seq = parts(ARGV[2])
for _, one in ipairs(groups) do
  for i = 1, #one, 2 do
    if one[i] == 'last-delivered-id' then
      local readMs, readSeq = parts(one[i + 1])
      if readMs > ms or (readMs == ms and readSeq >= seq) then return 0 end
    end
  end
end
redis.call('XDEL', KEYS[2], ARGV[2])
return 1`)

/** All of them, to be known to Redis before they are first used. */
export const scripts: ReadonlyArray<Script> = [
  emit,
  acknowledge,
  append,
  redrive,
  delay,
  move,
  claim,
  recover,
  renew,
  release,
  leave,
  sweep,
  trim,
  present,
  forget,
  replicas,
  withdraw,
]

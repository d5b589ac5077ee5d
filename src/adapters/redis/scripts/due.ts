// Lua: what is due in one bucket: looked for by an index that may be early, checked against the conversations themselves, and leased.

import { HEAD_CORE } from "./head-hash.ts";
import { NUMBERS_AND_TIME } from "./numbers-and-time.ts";

/** KEYS: index, leases. ARGV: what, clock, before, at most so many. Answers ID and time of the earliest that nobody has leased. */
export const PEEK_DUE = `
local INDEX, LEASES = unpack(KEYS)
${NUMBERS_AND_TIME}
local what, now, before, limit = ARGV[1], engineTime(ARGV[2]), ARGV[3], tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', LEASES, '-inf', textOf(now))
local found, from = {}, 0
while #found < 2 * limit do
  local some = redis.call('ZRANGEBYSCORE', INDEX, '-inf', before, 'WITHSCORES', 'LIMIT', from, limit)
  if #some == 0 then break end
  for i = 1, #some, 2 do
    if #found < 2 * limit and not redis.call('ZSCORE', LEASES, what .. ':' .. some[i]) then
      found[#found + 1] = some[i]
      found[#found + 1] = some[i + 1]
    end
  end
  from = from + limit
end
return found
`;

/**
 * KEYS: index, leases, the heads. ARGV: what, clock, before, milliseconds to lease (empty: only correct the index), the IDs. Where the
 * index is early it is set right, and nothing else happens to that conversation now. Answers how many were early, then ID, time and
 * head of each that was leased.
 */
export const LEASE_DUE = `
local INDEX, LEASES = KEYS[1], KEYS[2]
${NUMBERS_AND_TIME}${HEAD_CORE}
local what, now, before, leaseMs = ARGV[1], engineTime(ARGV[2]), tonumber(ARGV[3]), number(ARGV[4])
local noted = what == 'warn' and 'warnDue' or 'due'

local function dueOf(head)
  if not head.status then return nil end
  if what == 'move' then return not isOpen(head) and number(head.archivedAt) or nil end
  if not isOpen(head) or (what == 'warn' and head.expiresAt and number(head.warnedFor) == number(head.expiresAt)) then return nil end
  return number(head.expiresAt)
end

local early, found = 0, {}
for i = 5, #ARGV do
  local id, HEAD = ARGV[i], KEYS[i - 2]
  local listed = redis.call('ZSCORE', INDEX, id)
  local texts = redis.call('HMGET', HEAD, 'core', 'metadata', 'session')
  local head = headOf(texts[1] or '')
  local due = dueOf(head)
  if not listed then
    early = early + 1
  elseif due ~= tonumber(listed) then
    early = early + 1
    if due then redis.call('ZADD', INDEX, textOf(due), id) else redis.call('ZREM', INDEX, id) end
    if head.status then
      head[noted] = textOf(due)
      redis.call('HSET', HEAD, 'core', cjson.encode(head))
    end
  elseif leaseMs and due <= before and not redis.call('ZSCORE', LEASES, what .. ':' .. id) then
    redis.call('ZADD', LEASES, textOf(now + leaseMs), what .. ':' .. id)
    found[#found + 1] = id
    found[#found + 1] = listed
    found[#found + 1] = texts
  end
end
table.insert(found, 1, early)
return found
`;

// Lua: the outbox of one bucket, looked at and leased, and what was delivered taken out.

import { NUMBERS_AND_TIME } from "./numbers-and-time.ts";

/**
 * KEYS: outbox, items, leases. ARGV: clock, at most so many, milliseconds to lease (empty: only look). Answers stamps; or, leasing, name,
 * stamp and text of each item. The lease of a mark holds its version, so a mark that was renewed is free at once.
 */
export const OUTBOX = `
local OUTBOX, ITEMS, LEASES = unpack(KEYS)
${NUMBERS_AND_TIME}
local now, limit, leaseMs = engineTime(ARGV[1]), tonumber(ARGV[2]), number(ARGV[3])
redis.call('ZREMRANGEBYSCORE', LEASES, '-inf', textOf(now))
local found, count, from = {}, 0, 0
while count < limit do
  local some = redis.call('ZRANGE', OUTBOX, from, from + limit - 1, 'WITHSCORES')
  if #some == 0 then break end
  for i = 1, #some, 2 do
    local name, stamp = some[i], some[i + 1]
    local text = redis.call('HGET', ITEMS, name)
    local lease = name
    if text and string.sub(name, 1, 1) == 'm' then lease = name .. ':' .. string.match(text, '^(%S+)') end
    if not text then
      redis.call('ZREM', OUTBOX, name)
      from = from - 1
    elseif not redis.call('ZSCORE', LEASES, lease) then
      count = count + 1
      if leaseMs then
        redis.call('ZADD', LEASES, textOf(now + leaseMs), lease)
        found[#found + 1] = name
        found[#found + 1] = stamp
        found[#found + 1] = text
      else
        found[#found + 1] = stamp
      end
      if count == limit then break end
    end
  end
  from = from + #some / 2
end
return found
`;

/** KEYS: outbox, items, leases. ARGV: pairs of an item's name and its version (of an event: empty). */
export const DELIVERED = `
local OUTBOX, ITEMS, LEASES = unpack(KEYS)
for i = 1, #ARGV, 2 do
  local name, version = ARGV[i], ARGV[i + 1]
  local text = redis.call('HGET', ITEMS, name)
  local lease = version == '' and name or (name .. ':' .. version)
  if text then
    redis.call('ZREM', LEASES, lease)
    if version == '' or string.match(text, '^(%S+)') == version then
      redis.call('ZREM', OUTBOX, name)
      redis.call('HDEL', ITEMS, name)
    end
  end
end
return 0
`;

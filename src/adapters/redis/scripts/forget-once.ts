// Lua: removes idempotency entries that have ended.

/** KEYS: the ends of the bucket, then the entries of conversations. ARGV: now, then triples of a key's number, ID and the entry's key. Answers how many. */
export const FORGET_ONCE = `
local now, removed = tonumber(ARGV[1]), 0
for i = 2, #ARGV, 3 do
  local name = ARGV[i + 1] .. ' ' .. ARGV[i + 2]
  local till = redis.call('ZSCORE', KEYS[1], name)
  if till and tonumber(till) <= now then
    redis.call('ZREM', KEYS[1], name)
    redis.call('HDEL', KEYS[tonumber(ARGV[i])], ARGV[i + 2])
    removed = removed + 1
  end
end
return removed
`;

// Lua for what holds for the whole store, and for what was wiped and is still in the server's files.

/** KEYS: store. ARGV: layout, number of buckets, a new ID. Writes them into a store that is new; answers what is written there. */
export const OPEN_STORE = `
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'buckets', ARGV[2], 'id', ARGV[3])
end
return redis.call('HMGET', KEYS[1], 'layout', 'buckets', 'id')
`;

/** KEYS: items of a bucket. ARGV: the time of the wiping that is overwritten now. A later one stays noted. */
export const FORGET_WIPED = `
if redis.call('HGET', KEYS[1], 'wiped') == ARGV[1] then redis.call('HDEL', KEYS[1], 'wiped') end
return 0
`;

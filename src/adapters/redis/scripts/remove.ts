// Lua: takes a conversation out, at the version that was told. What waits in the outbox stays.

import { HEAD_CORE } from "./head-hash.ts";
import { NUMBERS_AND_TIME } from "./numbers-and-time.ts";

/** ARGV: ID, version. Answers 1 or 0. */
export const REMOVE = `
local HEAD, MESSAGES, PLACES, ONCE, IDS, EXPIRE, WARN, MOVE, LEASES, ENDS = unpack(KEYS)
local id = ARGV[1]
${NUMBERS_AND_TIME}${HEAD_CORE}
local core = redis.call('HGET', HEAD, 'core')
if not core or number(headOf(core).version) ~= tonumber(ARGV[2]) then return 0 end
for _, key in ipairs(redis.call('HKEYS', ONCE)) do redis.call('ZREM', ENDS, id .. ' ' .. key) end
redis.call('UNLINK', HEAD, MESSAGES, PLACES, ONCE)
redis.call('ZREM', IDS, id)
redis.call('ZREM', EXPIRE, id)
redis.call('ZREM', WARN, id)
redis.call('ZREM', MOVE, id)
redis.call('ZREM', LEASES, 'expire:' .. id, 'warn:' .. id, 'move:' .. id)
return 1
`;

// Lua: the service's small things, of one bucket. A record's text has two lines: version and end (empty: none), then the value.

import { NUMBERS_AND_TIME } from "./numbers-and-time.ts";

/** Needs RECORDS and `now`. */
const READ_RECORD = `
-- Version and value of a record that has not ended, else nil.
local function readRecord(text)
  if not text then return nil end
  local version, till, value = string.match(text, '^(%S+) (%S*)\\n(.*)$')
  if till ~= '' and tonumber(till) <= now then return nil end
  return version, value
end
`;

/** KEYS: records. ARGV: clock, name. Answers nil, or version and value. */
export const GET_RECORD = `
${NUMBERS_AND_TIME}
local now = engineTime(ARGV[1])
${READ_RECORD}
local version, value = readRecord(redis.call('HGET', KEYS[1], ARGV[2]))
if not version then return nil end
return { version, value }
`;

/** KEYS: records, their keys, their ends. ARGV: clock, name, the version it must have (empty: any), end (empty: none), value. Answers whether it was written, version, value. */
export const PUT_RECORD = `
local RECORDS, NAMES, ENDS = unpack(KEYS)
local name, wanted, till, value = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
${NUMBERS_AND_TIME}
local now = engineTime(ARGV[1])
${READ_RECORD}
local version, stored = readRecord(redis.call('HGET', RECORDS, name))
if wanted ~= '' and tonumber(wanted) ~= tonumber(version or 0) then return { 0, version or '0', stored or 'null' } end
local next = textOf(tonumber(version or 0) + 1)
redis.call('HSET', RECORDS, name, next .. ' ' .. till .. '\\n' .. value)
redis.call('ZADD', NAMES, 0, name)
if till == '' then redis.call('ZREM', ENDS, name) else redis.call('ZADD', ENDS, till, name) end
return { 1, next, value }
`;

/** KEYS: records, their keys. ARGV: clock, the bounds of names, at most so many. Answers name, version, value of each, in order. */
export const LIST_RECORDS = `
${NUMBERS_AND_TIME}
local now, limit, from = engineTime(ARGV[1]), tonumber(ARGV[4]), 0
${READ_RECORD}
local found = {}
while #found < 3 * limit do
  local names = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[2], ARGV[3], 'LIMIT', from, limit)
  if #names == 0 then break end
  for _, name in ipairs(names) do
    local version, value = readRecord(redis.call('HGET', KEYS[1], name))
    if version and #found < 3 * limit then
      found[#found + 1] = name
      found[#found + 1] = version
      found[#found + 1] = value
    end
  end
  from = from + limit
end
return found
`;

/** KEYS: records, their keys, their ends. ARGV: name. */
export const REMOVE_RECORD = `
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return 0
`;

/** KEYS: records, their keys, their ends. ARGV: now, at most so many. Answers how many were removed. */
export const FORGET_RECORDS = `
local names = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, name in ipairs(names) do
  redis.call('HDEL', KEYS[1], name)
  redis.call('ZREM', KEYS[2], name)
  redis.call('ZREM', KEYS[3], name)
end
return #names
`;

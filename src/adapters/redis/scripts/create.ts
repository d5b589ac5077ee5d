// Lua: puts a conversation if its ID is free.

import { HEAD_CORE, INDEX_DUE } from "./head-hash.ts";
import { NUMBERS_AND_TIME } from "./numbers-and-time.ts";
import { ONCE_ENTRIES } from "./once-entries.ts";
import { OUTBOX_ITEMS } from "./outbox-items.ts";

/**
 * ARGV: ID, clock, window, how many messages, places and events; key, fingerprint and end of the idempotency entry (or empty), the texts
 * of the head as JSON for it; the texts of the head; the messages; the places as pairs; the events.
 */
export const CREATE = `
local HEAD, MESSAGES, PLACES, ONCE, IDS, EXPIRE, WARN, MOVE, LEASES, ENDS, OUTBOX, ITEMS = unpack(KEYS)
local id, clock, window = ARGV[1], ARGV[2], tonumber(ARGV[3])
local messageCount, placeCount, eventCount = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local onceKey, fingerprint, onceUntil, onceHead = ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local core, metadata, session = ARGV[11], ARGV[12], ARGV[13]
local first = 14
${NUMBERS_AND_TIME}${HEAD_CORE}${INDEX_DUE}${OUTBOX_ITEMS}${ONCE_ENTRIES}
local there = redis.call('HMGET', HEAD, 'core', 'metadata', 'session')
if there[1] then
  local head = headOf(there[1])
  local entry = onceKey ~= '' and findOnce(ONCE, onceKey, engineTime(clock))
  if entry and entry.fingerprint ~= fingerprint then return { 'key-reused' } end
  if not (head.status and there[2] and there[3]) then return { 'damaged' } end
  if entry then return replay(entry, head, there[2], there[3], MESSAGES, window) end
  return { 'conflict', unpack(there) }
end

-- Lua takes only so many arguments in one call.
local function inChunks(command, key, from, count)
  local last = from + count - 1
  for i = from, last, 1000 do redis.call(command, key, unpack(ARGV, i, math.min(i + 999, last))) end
  return last + 1
end

local head = headOf(core)
indexDue(id, head, nil, nil, nil, EXPIRE, WARN, MOVE, LEASES)
redis.call('HSET', HEAD, 'core', cjson.encode(head), 'metadata', metadata, 'session', session)
redis.call('ZADD', IDS, 0, id)
first = inChunks('RPUSH', MESSAGES, first, messageCount)
first = inChunks('HSET', PLACES, first, 2 * placeCount)
for i = first, first + eventCount - 1 do addItem(OUTBOX, ITEMS, nil, id .. ' ' .. head.version .. '\\n' .. ARGV[i]) end
markChanged(OUTBOX, ITEMS, id, head.version, nil)
if onceKey ~= '' then keepOnce(ONCE, ENDS, id, onceKey, { onceUntil, fingerprint, 'create', head.lastSeq, onceHead }) end
local till, messages = windowUpTo(MESSAGES, messageCount, window)
return { 'done', core, metadata, session, '', till, messages }
`;

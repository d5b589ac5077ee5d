// Lua: one change of one conversation, by the rules of `applyChange` in the core, all or nothing. What is inline here is so for speed:
// see `head-hash.ts`.

import { HEAD_CORE, INDEX_DUE } from "./head-hash.ts";
import { NUMBERS_AND_TIME } from "./numbers-and-time.ts";
import { ONCE_ENTRIES } from "./once-entries.ts";
import { OUTBOX_ITEMS } from "./outbox-items.ts";

/**
 * Tells what is new from repeats, of what is stored or of each other. What the change cuts is not there any more. `texts`: the new messages;
 * `known`: what to note of those that can be repeated; `places`: of each message its old place, or the how-manyeth of the new ones it is.
 */
const SORT_OUT = `
local texts, known, places, twins, bytes, count = {}, {}, {}, {}, 0, 0
for m = 1, plan.messages do
  local text = ARGV[FIRST_MESSAGE + m - 1]
  local size, key, digest = string.match(text, '^%S+ (%S+)\\n([^\\n]*)\\n([^\\n]*)\\n')
  local oldSeq, oldTime, oldDigest = nil, nil, nil
  if digest ~= '' then
    local old = redis.call('HGET', PLACES, key)
    if old then oldSeq, oldTime, oldDigest = string.match(old, '^(%S+) (%S+) (.*)$') end
    if oldSeq and cutAfter and tonumber(oldSeq) > cutAfter then oldSeq = nil end
  end
  if oldSeq then
    if oldDigest ~= digest then return { 'message-conflict', key } end
    places[m] = oldSeq .. ' ' .. oldTime
  elseif digest ~= '' and twins[key] then
    if known[twins[key]].digest ~= digest then return { 'message-conflict', key } end
    places[m] = twins[key]
  else
    count = count + 1
    texts[count], places[m], bytes = text, count, bytes + tonumber(size)
    if digest ~= '' then twins[key], known[count] = count, { key = key, digest = digest } end
  end
end
local base = math.min(cutAfter or number(head.lastSeq), number(head.lastSeq))
bytes = bytes + (plan.cutBytes or number(head.bytes))
`;

/** Answers, if the change must not happen on this head. */
const FORBIDDEN = `
local outcome, expires = nil, number(head.expiresAt)
local open = isOpen(head) and not head.wiped
if head.status == 'deleted' then outcome = 'refused'
-- Of what was wiped nothing is left to change; only erasing remains.
elseif head.wiped and not (plan.wipe and plan.to == 'deleted') then outcome = 'refused'
elseif plan.version and plan.version ~= number(head.version) then outcome = 'conflict'
elseif plan.revision and plan.revision ~= number(head.revision) then outcome = 'conflict'
elseif plan.incarnation and plan.incarnation ~= head.incarnation then outcome = 'conflict'
elseif plan.from and not string.find(plan.from, ' ' .. head.status .. ' ', 1, true) then outcome = 'refused'
elseif plan.holdFree and head.hold then outcome = 'refused'
elseif plan.openAt and (not open or (expires and expires <= plan.openAt)) then outcome = 'refused'
elseif plan.expiredAt and (not open or not expires or expires > plan.expiredAt) then outcome = 'refused'
elseif count > 0 and plan.maxMessages and base + count > plan.maxMessages then outcome = 'full'
elseif count > 0 and plan.maxBytes and bytes > plan.maxBytes then outcome = 'full'
end
if outcome then return { outcome, unpack(stored) } end
`;

/** The next head, in the place of the one before; and `moves`: whether the change is one at all: not only a touch, nor the note that a warning was given. */
const NEXT_HEAD = `
local status, version, due, warnDue = head.status, head.version, number(head.due), number(head.warnDue)
local moves = count > 0 or cutAfter or session ~= '' or metadata ~= '' or plan.wipe
if not moves and plan.messages == 0 then
  moves = plan.to or plan.hold or plan.tokenEpoch or plan.keyring or plan.activity or plan.subjects
    or (not plan.warnedFor and plan.events > 0)
end
if plan.warnedFor then head.warnedFor = plan.warnedFor end
if moves then
  head.version, head.lastSeq, head.bytes = textOf(head.version + 1), textOf(base + count), textOf(bytes)
  if metadata ~= '' then head.revision = textOf(head.revision + 1) end
  if plan.subjects then
    local there, subjects = {}, head.subjects
    for subject in string.gmatch(subjects or '', '[^\\t]+') do there[subject] = true end
    for subject in string.gmatch(plan.subjects, '[^\\t]+') do
      if not there[subject] then subjects = subjects and (subjects .. '\\t' .. subject) or subject end
      there[subject] = true
    end
    head.subjects = subjects
  end
  if plan.hold then head.hold = plan.hold == 'on' and '1' or nil end
  if plan.tokenEpoch then head.tokenEpoch = plan.tokenEpoch end
  if plan.keyring then head.keyring = plan.keyring end
  if plan.activity then head.lastActivity = textOf(math.max(number(head.lastActivity), tonumber(now))) end
  if plan.to == 'active' or plan.to == 'completed' then
    head.status, head.archivedAt, head.archiveReason = plan.to, nil, nil
    if plan.to == 'completed' then head.completedAt = now end
  -- Wiping what is archived keeps when and why it was.
  elseif plan.to == 'archived' and head.status ~= 'archived' then
    head.status, head.archivedAt, head.archiveReason, head.expiresAt = plan.to, now, plan.reason, nil
  elseif plan.to == 'deleted' then
    head.status, head.expiresAt = plan.to, nil
    head.archivedAt, head.archiveReason = head.archivedAt or now, plan.reason or head.archiveReason
  end
  if plan.wipe then
    head.wiped, head.bytes, head.subjects, head.keyring = '1', '0', nil, nil
    head.revision = textOf(head.revision + 1)
    metadata, session = '{}', 'null'
  end
end
-- A touch moves forward, never back; an expiry beyond the engine's own clock and the cap counts as that.
if plan.touch and isOpen(head) then
  if plan.lastAccess then head.lastAccess = textOf(math.max(number(head.lastAccess) or 0, plan.lastAccess)) end
  local wanted = math.max(number(head.expiresAt) or 0, plan.expiresAt or 0)
  if wanted > 0 and plan.capMs then wanted = math.min(wanted, engineTime(clock) + plan.capMs) end
  head.expiresAt = wanted > 0 and textOf(wanted) or nil
end
`;

/** Takes out what is cut or wiped, with the keys of it, and puts other bodies in the place of some. */
const TAKE_OUT = `
if cutAfter then
  for _, text in ipairs(redis.call('LRANGE', MESSAGES, cutAfter, -1)) do
    local key, digest = string.match(text, '^[^\\n]*\\n([^\\n]*)\\n([^\\n]*)\\n')
    local place = digest ~= '' and redis.call('HGET', PLACES, key)
    if place and tonumber(string.match(place, '^(%S+)')) > cutAfter then redis.call('HDEL', PLACES, key) end
  end
  if cutAfter == 0 then redis.call('UNLINK', MESSAGES) else redis.call('LTRIM', MESSAGES, 0, cutAfter - 1) end
end
local overwrites = plan.wipe
if plan.wipe then
  for _, key in ipairs(redis.call('HKEYS', ONCE)) do redis.call('ZREM', ENDS, id .. ' ' .. key) end
  redis.call('UNLINK', MESSAGES, PLACES, ONCE)
  -- What undelivered events say beyond type and time goes. A bucket has few of them, and wiping is rare.
  local items = redis.call('HGETALL', ITEMS)
  for i = 1, #items, 2 do
    if string.sub(items[i], 1, 1) == 'e' and string.match(items[i + 1], '^(%S+) ') == id then
      redis.call('HSET', ITEMS, items[i], string.match(items[i + 1], '^[^\\n]*\\n[^\\n]*\\n') .. '{}')
    end
  end
end
for i = FIRST_MESSAGE + plan.messages + plan.events, #ARGV, 2 do
  local text = redis.call('LINDEX', MESSAGES, ARGV[i] - 1)
  if text then
    redis.call('LSET', MESSAGES, ARGV[i] - 1, string.match(text, '^[^\\n]*\\n[^\\n]*\\n[^\\n]*\\n') .. ARGV[i + 1])
    overwrites = true
  end
end
-- What the files of the server still hold of it is for the sweep to have overwritten.
if overwrites then redis.call('HSET', ITEMS, 'wiped', textOf(engineTime(clock))) end
`;

/** ARGV: ID, then what `changeArguments` lists. */
export const COMMIT = `
local HEAD, MESSAGES, PLACES, ONCE, EXPIRE, WARN, MOVE, LEASES, ENDS, OUTBOX, ITEMS = unpack(KEYS)
local id, clock, plan, metadata, session, FIRST_MESSAGE = ARGV[1], ARGV[2], cjson.decode(ARGV[3]), ARGV[4], ARGV[5], 6
local now, cutAfter = plan.now, plan.cutAfter
${NUMBERS_AND_TIME}${HEAD_CORE}${INDEX_DUE}${OUTBOX_ITEMS}${ONCE_ENTRIES}
local stored = redis.call('HMGET', HEAD, 'core', 'metadata', 'session')
if not stored[1] then return { 'absent' } end
local head = headOf(stored[1])
-- What is damaged is said to be so before anything happens to it.
if not (head.status and stored[2] and stored[3]) then return { 'damaged' } end
if plan.onceKey then
  local entry = findOnce(ONCE, plan.onceKey, engineTime(clock))
  if entry and entry.fingerprint ~= plan.fingerprint then return { 'key-reused' } end
  if entry then return replay(entry, head, stored[2], stored[3], MESSAGES, plan.window) end
end
${SORT_OUT}${FORBIDDEN}${NEXT_HEAD}${TAKE_OUT}
for n, message in pairs(known) do redis.call('HSET', PLACES, message.key, textOf(base + n) .. ' ' .. now .. ' ' .. message.digest) end
for i = 1, count, 1000 do redis.call('RPUSH', MESSAGES, unpack(texts, i, math.min(i + 999, count))) end

indexDue(id, head, status, due, warnDue, EXPIRE, WARN, MOVE, LEASES)
local core = cjson.encode(head)
if metadata ~= '' then
  redis.call('HSET', HEAD, 'core', core, 'metadata', metadata, 'session', session == '' and stored[3] or session)
elseif session ~= '' then
  redis.call('HSET', HEAD, 'core', core, 'session', session)
elseif core ~= stored[1] then
  redis.call('HSET', HEAD, 'core', core)
end
if plan.warnedFor or moves then
  local first = FIRST_MESSAGE + plan.messages
  for i = first, first + plan.events - 1 do addItem(OUTBOX, ITEMS, nil, id .. ' ' .. head.version .. '\\n' .. ARGV[i]) end
end
if head.version ~= version then markChanged(OUTBOX, ITEMS, id, head.version, cutAfter) end

for m, place in ipairs(places) do
  if type(place) == 'number' then places[m] = textOf(base + place) .. ' ' .. now end
end
local placed = table.concat(places, ',')
if plan.onceKey then
  local facts = table.concat({ head.version, head.lastSeq, head.lastAccess or '', head.expiresAt or '', head.status }, ' ')
  keepOnce(ONCE, ENDS, id, plan.onceKey, { plan.onceUntil, plan.fingerprint, 'commit', facts, placed })
end
local till, messages = windowUpTo(MESSAGES, number(head.lastSeq), plan.window)
return { 'done', core, metadata == '' and stored[2] or metadata, session == '' and stored[3] or session, placed, till, messages }
`;

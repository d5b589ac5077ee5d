// Lua for the hash of a head: its core as a table, and the indexes of what is due.

/**
 * Every value of a core is a text, so that nothing is rounded when it is written again; what is null is absent. Functions of scripts take
 * what they need as arguments: making a function that holds on to many variables costs more than calling it, and a script makes all its
 * functions anew whenever it runs.
 */
export const HEAD_CORE = `
-- The fields of a core, by name; none if it is damaged.
local function headOf(core)
  local ok, head = pcall(cjson.decode, core)
  if ok and type(head) == 'table' and head.status and number(head.version) and number(head.revision) and number(head.lastSeq)
    and number(head.bytes) and number(head.lastActivity) then
    return head
  end
  return {}
end

local function isOpen(head)
  return head.status == 'active' or head.status == 'completed'
end
`;

/** Puts a conversation where it is due, and notes in its head where that is. */
export const INDEX_DUE = `
-- An index may be early, never late: what expires later than it is listed for is found too early, and listed anew then.
-- So a turn, which moves the expiry, need not touch an index. 'status' and the times are those before; nil for a new head.
local function indexDue(id, head, status, known, knownWarn, EXPIRE, WARN, MOVE, LEASES)
  local due, warnDue, open, same = nil, nil, isOpen(head), status == head.status
  if not same then known = nil end
  if not open then
    due = number(head.archivedAt)
  elseif head.expiresAt then
    local expiresAt = number(head.expiresAt)
    due = math.min(known or expiresAt, expiresAt)
    if number(head.warnedFor) ~= expiresAt then warnDue = math.min(knownWarn or expiresAt, expiresAt) end
  end
  if not same or due ~= known then
    local list, other = EXPIRE, MOVE
    if not open then list, other = MOVE, EXPIRE end
    head.due = textOf(due)
    if status then redis.call('ZREM', other, id) end
    if due then redis.call('ZADD', list, head.due, id) elseif status then redis.call('ZREM', list, id) end
  end
  if warnDue ~= knownWarn then
    head.warnDue = textOf(warnDue)
    if warnDue then redis.call('ZADD', WARN, head.warnDue, id) else redis.call('ZREM', WARN, id) end
  end
  -- What was leased as one thing is due as another.
  if status and not same then redis.call('ZREM', LEASES, 'expire:' .. id, 'warn:' .. id, 'move:' .. id) end
end
`;

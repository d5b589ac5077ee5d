// Lua for idempotency entries: what a request was answered, kept in the commit that did it.

/**
 * Keys and fingerprints are JSON texts, so an entry has no line breaks but its own: its end, the fingerprint, `create` or `commit`, what was
 * answered, and the rest: of a creation the texts of the head (JSON), of a commit where its messages stand.
 */
export const ONCE_ENTRIES = `
-- The entry under a key that has not ended, else nil.
local function findOnce(ONCE, key, time)
  local text = redis.call('HGET', ONCE, key)
  if not text then return nil end
  local entry = {}
  entry.till, entry.fingerprint, entry.kind, entry.facts, entry.rest =
    string.match(text, '^([^\\\n]*)\\\n([^\\\n]*)\\\n([^\\\n]*)\\\n([^\\\n]*)\\\n(.*)$')
  if tonumber(entry.till) <= time then return nil end
  return entry
end

local function keepOnce(ONCE, ENDS, id, key, entry)
  redis.call('HSET', ONCE, key, table.concat(entry, '\\\n'))
  redis.call('ZADD', ENDS, entry[1], id .. ' ' .. key)
end

-- The newest of the messages up to a seq; and the seq of the last of them.
local function windowUpTo(MESSAGES, last, window)
  local till = math.min(last, redis.call('LLEN', MESSAGES))
  if window <= 0 or till <= 0 then return till, {} end
  return till, redis.call('LRANGE', MESSAGES, math.max(0, till - window), till - 1)
end

-- What was answered first, with the window as it was then.
local function replay(entry, head, metadata, session, MESSAGES, window)
  if entry.kind == 'create' then
    local till, messages = windowUpTo(MESSAGES, tonumber(entry.facts), window)
    return { 'created before', entry.rest, till, messages }
  end
  head.version, head.lastSeq, head.lastAccess, head.expiresAt, head.status =
    string.match(entry.facts, '^(%S*) (%S*) (%S*) (%S*) (%S*)$')
  if head.lastAccess == '' then head.lastAccess = nil end
  if head.expiresAt == '' then head.expiresAt = nil end
  local till, messages = windowUpTo(MESSAGES, tonumber(head.lastSeq), window)
  return { 'replayed', cjson.encode(head), metadata, session, entry.rest, till, messages }
end
`;

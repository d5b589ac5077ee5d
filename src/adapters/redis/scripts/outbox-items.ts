// Lua that puts items into the outbox of a bucket: events, and at most one mark for each conversation that has changed.

/**
 * An event is `e` and its stamp; its text has three lines: ID and version, type and time, details. A mark is `m` and the ID; its text is the
 * version and, if the transcript was cut, after which seq. Stamps are microseconds of the server's clock and strictly grow within a
 * bucket, so that the items of all buckets can be put in order.
 */
export const OUTBOX_ITEMS = `
-- Adds an item under a new stamp: an event with its text, or (text nil) a mark. Stamps are taken one by one, so that none is used twice.
local function addItem(OUTBOX, ITEMS, name, text)
  local time = redis.call('TIME')
  local last = tonumber(redis.call('HGET', ITEMS, 'stamp') or 0)
  local stamp = string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1))
  if text then
    name = 'e' .. stamp
    redis.call('HSET', ITEMS, 'stamp', stamp, name, text)
  else
    redis.call('HSET', ITEMS, 'stamp', stamp)
  end
  redis.call('ZADD', OUTBOX, stamp, name)
end

-- A mark that is there is renewed in its place, so that a busy conversation does not wait for ever.
local function markChanged(OUTBOX, ITEMS, id, version, cut)
  local name = 'm' .. id
  local known = redis.call('HGET', ITEMS, name)
  if known then
    local earlier = number(string.match(known, ' (.+)$'))
    if earlier then cut = math.min(earlier, cut or earlier) end
  else
    addItem(OUTBOX, ITEMS, name, nil)
  end
  redis.call('HSET', ITEMS, name, cut and (version .. ' ' .. textOf(cut)) or version)
end
`;

// Lua: a conversation with its newest messages, or a stretch of them, from one moment.

/** KEYS: head, messages. ARGV: window. Answers nil, or the three texts of the head, the number of messages, and the newest of them. */
export const READ = `
local head = redis.call('HMGET', KEYS[1], 'core', 'metadata', 'session')
if not head[1] then return nil end
local window = tonumber(ARGV[1])
local messages = window > 0 and redis.call('LRANGE', KEYS[2], -window, -1) or {}
return { head, redis.call('LLEN', KEYS[2]), messages }
`;

/** KEYS: head, messages. ARGV: first and last seq, limit, order. Answers nil, or the seq of the first message and the messages, oldest first. */
export const READ_MESSAGES = `
if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
local first, last, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
last = math.min(last, redis.call('LLEN', KEYS[2]))
if ARGV[4] == 'desc' then first = math.max(first, last - limit + 1) else last = math.min(last, first + limit - 1) end
if first > last then return { first, {} } end
return { first, redis.call('LRANGE', KEYS[2], first - 1, last - 1) }
`;

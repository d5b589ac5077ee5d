// Lua that every script begins with: numbers as they are stored, and the engine's time.

/** Numbers are kept as texts: Lua's own way of writing them would round what has more than 14 digits. */
export const NUMBERS_AND_TIME = `
local function number(text)
  if text and text ~= '' then return tonumber(text) end
  return nil
end

local function textOf(value)
  if value == nil then return nil end
  return string.format('%.17g', value)
end

-- Epoch milliseconds: those that were given, else the server's own.
local function engineTime(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

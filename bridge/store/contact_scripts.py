"""The contact cache's scripts; `bridge.store.contacts` says what its keys hold."""

from typing import Final

# A contact joins unless it was skipped, or is known from a later answer. With `complete`, LCM has
# named everything that is reserved for this consent, so what it no longer names leaves; `answer` names
# the consent's entry among the skips, by which an older answer is told from it (empty: new contacts).
KEEP: Final = """
local shelf, skipped = KEYS[1], KEYS[2]
local now, asked, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local complete, consent, answer, skips_kept = ARGV[4] == '1', ARGV[5], ARGV[6], tonumber(ARGV[7])
local function number(value) return type(value) == 'number' and value < 1e15 end
local overtaken = false
if answer ~= '' then
  local last = redis.call('ZSCORE', skipped, answer)
  overtaken = last and tonumber(last) > asked
  if complete and not overtaken then
    redis.call('ZADD', skipped, asked, answer)
    redis.call('ZREMRANGEBYSCORE', skipped, '-inf', now - skips_kept)
    redis.call('PEXPIRE', skipped, skips_kept)
  end
end
local named = {}
for i = 8, #ARGV, 2 do
  local account, record = ARGV[i], ARGV[i + 1]
  named[account] = true
  local skip = redis.call('ZSCORE', skipped, account)
  if not overtaken and not (skip and tonumber(skip) >= asked) then
    local ok, old = pcall(cjson.decode, redis.call('HGET', shelf, account))
    if not (ok and type(old) == 'table' and number(old.asked) and old.asked > asked) then
      redis.call('HSET', shelf, account, record)
    end
  end
end
local all = redis.call('HGETALL', shelf)
local alive, last = {}, 0
for i = 1, #all, 2 do
  local ok, record = pcall(cjson.decode, all[i + 1])
  local readable = ok and type(record) == 'table' and number(record.asked) and number(record.expires)
  if not readable or record.expires <= now
     or (complete and not named[all[i]] and record.asked <= asked and (record.consent or '') == consent) then
    redis.call('HDEL', shelf, all[i])
  else
    alive[#alive + 1] = {all[i], record.asked}
    if record.expires > last then last = record.expires end
  end
end
if #alive > most then
  table.sort(alive, function(a, b) return a[2] < b[2] end)
  for i = 1, #alive - most do redis.call('HDEL', shelf, alive[i][1]) end
end
redis.call('PEXPIREAT', shelf, string.format('%.0f', last))
return #alive
"""

DROP: Final = """
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[2] - ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return 1
"""

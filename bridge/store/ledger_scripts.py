"""The request ledger's scripts.

A record is a hash, and it always has an expiry:

    v       1
    state   running   claimed by ``owner``, whose lease runs until ``lease``
            done      ended as in ``reply``
            unknown   cut off: begun and never recorded; with ``reply`` its owner said so itself
            open      a person found that it did not happen: it may be claimed
            released  there was no effect: as if nothing were here, save to a late copy of the claim, and to a
                      repeated delivery of a request that was told of it: ``reply``
    owner   who claimed it last
    digest  SHA-256 of the content; empty: of any content
    at      when it was claimed
    lease   until when it counts as running
    reply   how it ended: `bridge.endings.Ending`
    late    1: others had been told that it was cut off before its owner said how it ended
    hand    which settling by hand wrote it
    again   1: it was cut off before, and claimed again since ``ledger.unknown_outcome`` is retry

Times are unix milliseconds by Redis' own clock. A client that gets no answer sends its command again, and the
network may deliver a copy long after: so each script does the same again for the same owner.

A script that finds its work done writes nonetheless, so that WAIT tells of the replicas that have it.

A Redis that is full refuses HSET as a script's first write, not after DEL or PEXPIRE: so it takes no new
claims, and still learns how those that it has went on.
"""

from typing import Final

RELEASED_MS: Final = 120_000
"""How long a release is remembered against late copies of its claim: longer than TCP repeats them."""

_COMMON: Final = """
local key = KEYS[1]
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function whole(number) return string.format('%.0f', number) end
local function moment(text)
  local number = tonumber(text)
  if number and number >= 0 and number < 1e15 then return number end
end
local STATES = {running = true, done = true, unknown = true, open = true, released = true}
local function read()
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return {state = 'none'} end
  if kind ~= 'hash' then return {state = 'foreign', at = 0} end
  local f = redis.call('HMGET', key, 'v', 'state', 'owner', 'digest', 'at', 'lease', 'reply', 'late', 'hand',
    'again')
  local record = {
    state = f[2], owner = f[3], digest = f[4], at = moment(f[5]), lease = moment(f[6]),
    reply = f[7] or '', late = f[8] == '1', hand = f[9], again = f[10] == '1',
  }
  if f[1] ~= '1' or not STATES[f[2]] or not f[3] or not f[4] or not record.at
     or (f[2] == 'running' and not record.lease) then
    return {state = 'foreign', at = record.at or 0}
  end
  return record
end
local function write(keep, state, owner, digest, at, ...)
  if redis.call('EXISTS', key) == 1 then redis.call('DEL', key) end
  redis.call('HSET', key, 'v', '1', 'state', state, 'owner', owner, 'digest', digest, 'at', whole(at), ...)
  redis.call('PEXPIRE', key, keep)
end
"""

CLAIM: Final = (
    _COMMON
    + """
local owner, digest, lease, keep, again = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5] == '1'
local repeated = ARGV[6] == '1'
local record, now = read(), clock()
if record.state == 'foreign' then return {'FOREIGN', whole(record.at)} end
local given_up = record.state == 'released' or record.state == 'open'
if given_up and record.owner == owner then return {'GONE'} end
if record.state == 'released' and repeated and record.reply ~= '' and record.digest == digest then
  return {'DONE', whole(record.at), record.reply}
end
if record.state ~= 'none' and record.state ~= 'released'
   and record.digest ~= '' and record.digest ~= digest then return {'MISMATCH'} end
if record.state == 'running' then
  if record.owner == owner then
    redis.call('PEXPIRE', key, keep)
    redis.call('HSET', key, 'lease', whole(now + lease))
    return {'NEW', record.again and '1' or '0'}
  end
  if record.lease > now then return {'BUSY', whole(record.lease - now)} end
  redis.call('PEXPIRE', key, keep)
  redis.call('HSET', key, 'state', 'unknown')
  record.state = 'unknown'
end
if record.state == 'done' then return {'DONE', whole(record.at), record.reply} end
if record.state == 'unknown' and not again then return {'UNKNOWN', whole(record.at)} end
local cut_off = record.state == 'unknown' and '1' or '0'
write(keep, 'running', owner, digest, now, 'lease', whole(now + lease), 'again', cut_off)
return {'NEW', cut_off}
"""
)
"""KEYS: record. ARGV: owner, digest, lease ms, expiry ms, 1 if an unknown outcome may be claimed again, 1 if
this is a delivery that may have been told before why the claim was released."""

COMPLETE: Final = (
    _COMMON
    + """
local owner, digest, state, reply, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local record, now = read(), clock()
if record.state == 'foreign' then return 'FOREIGN' end
if record.state == 'none' or record.state == 'released' then
  write(keep, state, owner, digest, now, 'reply', reply)
  return 'OK'
end
if record.owner ~= owner then return 'OTHER' end
local told = record.reply ~= ''
local late = record.late or (record.state == 'unknown' and not told)
if record.state ~= 'done' and not (told and state == 'unknown') then
  if told then late = true end
  write(keep, state, owner, record.digest, record.at, 'reply', reply, 'late', late and '1' or '0')
else
  redis.call('PEXPIRE', key, redis.call('PTTL', key))
end
return late and 'LATE' or 'OK'
"""
)
"""KEYS: record. ARGV: owner, digest, done or unknown, reply, expiry ms."""

RELEASE: Final = (
    _COMMON
    + """
local owner, digest, keep, told = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local record = read()
local mine = record.owner == owner
if record.again then
  if mine then
    redis.call('PEXPIRE', key, redis.call('PTTL', key))
    redis.call('HSET', key, 'state', 'unknown')
  end
  return 'OK'
end
if record.state == 'none' or (mine and record.state == 'running')
   or (mine and record.state == 'unknown' and record.reply == '') then
  write(keep, 'released', owner, digest, record.at or clock(), 'reply', told)
end
return 'OK'
"""
)
"""KEYS: record. ARGV: owner, digest, expiry ms, what the requester is told; empty: nothing."""

LOOK: Final = (
    _COMMON
    + """
local record, now = read(), clock()
local left = record.state == 'running' and record.lease - now or 0
return {record.state, record.owner or '', whole(record.at or 0), whole(math.max(left, 0)), record.reply or ''}
"""
)
"""KEYS: record."""

SETTLE: Final = (
    _COMMON
    + """
local hand, state, reply, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local record, now = read(), clock()
if record.state == 'foreign' then return 'FOREIGN' end
if record.hand == hand then return 'OK' end
if record.state == 'done' then return 'DONE' end
if record.state == 'running' and record.lease > now then return 'RUNNING' end
if record.state == 'released' then record = {state = 'none'} end
write(keep, state, record.owner or '', record.digest or '', record.at or now,
      'reply', reply, 'late', '1', 'hand', hand)
return 'OK'
"""
)
"""KEYS: record. ARGV: a token of this settling, done or open, reply, expiry ms."""

REOPEN: Final = (
    _COMMON
    + """
local hand, keep = ARGV[1], ARGV[2]
local record = read()
if record.hand == hand then return 'OK' end
local ended = record.state == 'done' or record.state == 'released'
if not ended or string.sub(record.reply, 1, 11) ~= '{"failure":' then return 'OTHER' end
write(keep, 'open', record.owner, record.digest, record.at, 'reply', '', 'late', '1', 'hand', hand)
return 'OK'
"""
)
"""KEYS: record. ARGV: a token of this reopening, expiry ms."""

FORGET: Final = """
if redis.call('HGET', KEYS[1], 'reply') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'reply', ARGV[2])
return 1
"""
"""Puts another reply in the place of the one that was read; state, owner and expiry stay."""

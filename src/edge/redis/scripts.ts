/**
 * The two operations of the register as Lua, so that each is one round trip and atomic. RegisterStore (store.ts) is the
 * same in TypeScript; one contract suite holds both.
 *
 * Everything of a cluster is one hash, `twinspan:{NETWORK/CLUSTER}`; the braces are a Redis Cluster hash tag:
 *
 *   network            fingerprint of the network and cluster that use the key
 *   seen               Redis TIME of the last beat, ms
 *   epoch              the register, "N.MEMBER"
 *   c0 r0 i0, c1 …     of each member: counter, record, and which process wrote it
 *
 * What is not as we write it counts as empty, is named in the answer, and is written over; a key of another type is
 * moved aside to `…:garbage` (for a day) rather than deleted. A key that *another network* has used within FOREIGN_MS
 * is left alone: two networks of one name must not stir each other's epochs. Once that one is silent the key is ours,
 * so a change of fingerprint by a new configuration mends itself.
 *
 * Time decides nothing but `notAfter` of a claim. The hash expires after 30 days without a beat: that is rubbish
 * collection, and an empty register heals itself. Needs Redis 5 or newer (or Valkey): TIME comes before writes.
 */
import { createHash } from 'node:crypto';

/** A foreign network that beat more recently than this keeps the key. */
export const FOREIGN_MS = 10_000;
/** Longest record, in bytes, that is stored or handed out. */
export const RECORD_BYTES_MAX = 4096;
/** Decimal digits of n in an epoch and of a counter; 15 fit a double exactly. */
export const DIGITS_MAX = 15;

const PRELUDE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local notes = {}

local function text(number) return string.format('%.0f', number) end

local function whole(value)
  if value and #value <= ${DIGITS_MAX} and string.find(value, '^%d+$') then return tonumber(value) end
end

local kind = redis.call('TYPE', KEYS[1])['ok']
local function moveAside()
  redis.call('RENAME', KEYS[1], KEYS[2])
  redis.call('EXPIRE', KEYS[2], 86400)
end
if kind ~= 'hash' and kind ~= 'none' then
  notes[#notes + 1] = 'a ' .. kind .. ' in place of a hash'
  moveAside()
end

local owner = redis.call('HGET', KEYS[1], 'network')
if owner and owner ~= ARGV[1] then
  local seen = whole(redis.call('HGET', KEYS[1], 'seen'))
  if seen and math.abs(now - seen) < ${FOREIGN_MS} then return {'foreign', text(now)} end
  moveAside()
end

local stored = redis.call('HGET', KEYS[1], 'epoch')
local epochN, epochMember
if stored then
  local n, member = string.match(stored, '^(%d+)%.(%d%d?)$')
  epochN, epochMember = whole(n), whole(member)
  if epochN and epochMember then
    stored = text(epochN) .. '.' .. text(epochMember)
  else
    notes[#notes + 1] = 'the epoch'
    epochN, epochMember, stored = nil, nil, false
  end
end

local function higher(n, member)
  return not epochN or n > epochN or (n == epochN and member > epochMember)
end

local function setEpoch(n, member)
  stored = text(n) .. '.' .. text(member)
  redis.call('HSET', KEYS[1], 'network', ARGV[1], 'epoch', stored)
end
`;

/** KEYS: hash, aside. ARGV: network, members, member, process, record, acting n or '', acting member. */
export const BEAT_SCRIPT = `${PRELUDE}
local me = ARGV[3]
local before = redis.call('HGET', KEYS[1], 'i' .. me) or ''
local counter = (whole(redis.call('HGET', KEYS[1], 'c' .. me)) or 0) + 1
redis.call('HSET', KEYS[1], 'network', ARGV[1], 'seen', text(now),
  'c' .. me, text(counter), 'r' .. me, ARGV[5], 'i' .. me, ARGV[4])
if ARGV[6] ~= '' and higher(tonumber(ARGV[6]), tonumber(ARGV[7])) then
  setEpoch(tonumber(ARGV[6]), tonumber(ARGV[7]))
end
redis.call('EXPIRE', KEYS[1], 2592000)

local answer = {'ok', text(now), stored or '', string.sub(before, 1, 64), ''}
for member = 0, ARGV[2] - 1 do
  if tostring(member) ~= me then
    local pair = redis.call('HMGET', KEYS[1], 'c' .. member, 'r' .. member)
    local count = whole(pair[1])
    if count and pair[2] and #pair[2] <= ${RECORD_BYTES_MAX} then
      answer[#answer + 1] = tostring(member)
      answer[#answer + 1] = text(count)
      answer[#answer + 1] = pair[2]
    elseif pair[1] or pair[2] then
      notes[#notes + 1] = 'the record of member ' .. member
    end
  end
end
answer[5] = table.concat(notes, ', ')
return answer
`;

/** KEYS: hash, aside. ARGV: network, n, member, expected "N.MEMBER" or '', not after (ms). */
export const CLAIM_SCRIPT = `${PRELUDE}
local n, member = tonumber(ARGV[2]), tonumber(ARGV[3])
local taken = (stored or '') == text(n) .. '.' .. text(member)
if not taken and (stored or '') == ARGV[4] and higher(n, member) and now <= tonumber(ARGV[5]) then
  setEpoch(n, member)
  taken = true
end
return {'ok', text(now), stored or '', taken and '1' or '0', table.concat(notes, ', ')}
`;

/** What EVALSHA calls a script by. */
export function scriptDigest(script: string): string {
  return createHash('sha1').update(script).digest('hex');
}

/** The keys of a cluster, in the order of KEYS. */
export function registerKeys(network: string, cluster: string): [string, string] {
  const key = `twinspan:{${network}/${cluster}}`;
  return [key, `${key}:garbage`];
}

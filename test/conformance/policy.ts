import { hex, Refused } from './bytes.ts'
import { openCheckpoint, parseCheckpoint, parseKey } from './notes.ts'

/** C2SP tlog-policy. */
export interface Policy {
  readonly logs: string[]
  readonly witnesses: { readonly name: string; readonly vkey: string }[]
  readonly groups: {
    readonly name: string
    readonly threshold: number
    readonly members: string[]
  }[]
  quorum: string
}

const LOG_TYPE = 1
const WITNESS_TYPE = 4

/** @throws {Refused} HANSE_LOG_POLICY */
export function parsePolicy(text: string): Policy {
  const policy: Policy = { logs: [], witnesses: [], groups: [], quorum: '' }
  for (const line of text.split('\n')) {
    // A tab is white space here; no other control character is allowed.
    if (/[^\t -~\u0080-\u{10ffff}]/u.test(line)) refuse()
    const [keyword = '#', ...words] = line.split(/[ \t]+/u).filter((word) => word !== '')
    if (!keyword.startsWith('#')) readLine(policy, keyword, words)
  }
  return policy.quorum === '' ? refuse() : policy
}

function readLine(policy: Policy, keyword: string, words: readonly string[]): void {
  const [first = '', second = '', ...members] = words
  const names = [...policy.witnesses, ...policy.groups].map(({ name }) => name)
  const isNew = first !== 'none' && first !== '' && !names.includes(first)
  if (keyword === 'log' && words.length <= 2) {
    if (typeOf(first) === WITNESS_TYPE || isKnown(policy.logs, first)) refuse()
    policy.logs.push(first)
  } else if (keyword === 'witness' && words.length <= 3) {
    const keys = policy.witnesses.map(({ vkey }) => vkey)
    if (!isNew || typeOf(second) === LOG_TYPE || isKnown(keys, second)) refuse()
    policy.witnesses.push({ name: first, vkey: second })
  } else if (keyword === 'group') {
    const threshold = second === 'any' ? 1 : second === 'all' ? members.length : Number(second)
    const isCount = ['any', 'all'].includes(second) || /^[1-9][0-9]{0,3}$/u.test(second)
    const taken = policy.groups.flatMap((group) => group.members)
    const areMembers = members.every((member) => names.includes(member) && !taken.includes(member))
    const isOnce = new Set(members).size === members.length && members.length > 0
    if (!isNew || !isCount || threshold > members.length || !areMembers || !isOnce) refuse()
    policy.groups.push({ name: first, threshold, members })
  } else if (keyword === 'quorum' && words.length === 1 && policy.quorum === '') {
    if (first !== 'none' && !names.includes(first)) refuse()
    policy.quorum = first
  } else {
    refuse()
  }
}

/** @throws {Refused} HANSE_LOG_ORIGIN, HANSE_LOG_QUORUM, and as `openCheckpoint` */
export function openByPolicy(note: string, policy: Policy): void {
  const { origin } = parseCheckpoint(note)
  const log = policy.logs.find((vkey) => parseKey(vkey).name === origin)
  if (log === undefined) throw new Refused('HANSE_LOG_ORIGIN')
  const keys = policy.witnesses.map(({ vkey }) => vkey)
  const { cosignatures } = openCheckpoint(note, log, keys)
  const met = new Set(['none'])
  for (const { name, vkey } of policy.witnesses) {
    const key = parseKey(vkey)
    if (cosignatures.some((one) => one.name === key.name && one.id === key.id)) met.add(name)
  }
  for (const { name, threshold, members } of policy.groups) {
    if (members.filter((member) => met.has(member)).length >= threshold) met.add(name)
  }
  if (!met.has(policy.quorum)) throw new Refused('HANSE_LOG_QUORUM')
}

function typeOf(vkey: string): number {
  try {
    return parseKey(vkey).type
  } catch {
    return refuse()
  }
}

const isKnown = (keys: readonly string[], vkey: string): boolean =>
  keys.some((key) => hex(parseKey(key).publicKey) === hex(parseKey(vkey).publicKey))

function refuse(): never {
  throw new Refused('HANSE_LOG_POLICY')
}

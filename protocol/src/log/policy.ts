import { HanseError } from '../errors.ts'
import { type OpenCheckpoint, openCheckpoint, parseCheckpoint } from './checkpoint.ts'
import { hasControls, parseVerifierKey, toHex, type VerifierKey } from './verifier-key.ts'

/** Which logs are trusted, and how many of which witnesses must have cosigned (C2SP tlog-policy). */
export interface Policy {
  readonly logs: readonly PolicyLog[]
  readonly witnesses: readonly PolicyWitness[]
  /** In the order of definition: each refers to earlier names only. */
  readonly groups: readonly PolicyGroup[]
  /** Name of a witness or group, or `none`. */
  readonly quorum: string
}

export interface PolicyLog {
  readonly vkey: string
  readonly key: VerifierKey
  readonly url?: string
}

export interface PolicyWitness extends PolicyLog {
  /** Meaningful within the policy only; not the name in the key. */
  readonly name: string
}

export interface PolicyGroup {
  readonly name: string
  /** How many of the members must have witnessed. */
  readonly threshold: number
  readonly members: readonly string[]
}

/** Longer than any policy within the limits below needs. */
const POLICY_LENGTH_MAX = 1 << 20
/** Logs, witnesses and groups, each; the specification asks for 32. */
const DEFINITIONS_MAX = 256
const NONE = 'none'

/**
 * Reads a policy. ML-DSA-44 witnesses may be listed but never count, since their cosignatures are not verified.
 *
 * @throws {HanseError} HANSE_LOG_POLICY, with the number of the line
 */
export function parsePolicy(text: string): Policy {
  if (typeof text !== 'string' || text.length > POLICY_LENGTH_MAX) {
    throw badPolicy(0, 'not a text, or too long')
  }
  const draft = new Draft()
  for (const [i, line] of text.split('\n').entries()) {
    try {
      draft.add(line)
    } catch (cause) {
      throw badPolicy(i + 1, cause instanceof Error ? cause.message : 'malformed', cause)
    }
  }
  const { logs, witnesses, groups, quorum } = draft
  if (quorum === undefined) throw badPolicy(0, 'no quorum line')
  return { logs, witnesses, groups, quorum }
}

/** Whether cosignatures by these keys meet the quorum. */
export function isQuorumMet(
  policy: Policy,
  signatures: readonly Pick<VerifierKey, 'name' | 'keyId'>[],
): boolean {
  const witnessed = new Set([NONE])
  for (const { name, key } of policy.witnesses) {
    if (signatures.some((by) => by.name === key.name && by.keyId === key.keyId)) witnessed.add(name)
  }
  for (const { name, threshold, members } of policy.groups) {
    if (members.filter((member) => witnessed.has(member)).length >= threshold) witnessed.add(name)
  }
  return witnessed.has(policy.quorum)
}

/**
 * Opens a checkpoint that one of the policy's logs signed and a quorum of its witnesses cosigned.
 *
 * @throws {HanseError} HANSE_LOG_ORIGIN when its log is not listed, HANSE_LOG_QUORUM, and what `openCheckpoint` throws
 */
export function openByPolicy(note: string | Uint8Array, policy: Policy): OpenCheckpoint {
  const { origin } = parseCheckpoint(note)
  const logs = policy.logs.filter(({ key }) => key.name === origin)
  if (logs.length === 0) throw new HanseError('HANSE_LOG_ORIGIN', `no log ${origin} in the policy`)
  const witnessKeys = policy.witnesses.map(({ vkey }) => vkey)
  const checkpoint = openWithAny(
    note,
    logs.map(({ vkey }) => vkey),
    witnessKeys,
  )
  if (!isQuorumMet(policy, checkpoint.cosignatures)) {
    throw new HanseError('HANSE_LOG_QUORUM', `no quorum of ${policy.quorum}`)
  }
  return checkpoint
}

/** A log may be listed with several keys, of which one has signed. */
function openWithAny(
  note: string | Uint8Array,
  logKeys: readonly string[],
  witnessKeys: readonly string[],
): OpenCheckpoint {
  let failure: unknown
  for (const vkey of logKeys) {
    try {
      return openCheckpoint(note, vkey, witnessKeys)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

/** A policy while it is read, line by line. */
class Draft {
  readonly logs: PolicyLog[] = []
  readonly witnesses: PolicyWitness[] = []
  readonly groups: PolicyGroup[] = []
  quorum: string | undefined
  /** Of witnesses and groups: they share one set of names. */
  readonly #names = new Set<string>()
  /** A name in two groups could count twice. */
  readonly #members = new Set<string>()

  add(line: string): void {
    if (hasControls(line.replaceAll('\t', ' ')) || line.includes('\u007f')) {
      throw new Error('a control character')
    }
    const [keyword, ...words] = line.split(/[ \t]+/u).filter((word) => word !== '')
    if (keyword === undefined || keyword.startsWith('#')) return
    switch (keyword) {
      case 'log':
        this.#addLog(words)
        return
      case 'witness':
        this.#addWitness(words)
        return
      case 'group':
        this.#addGroup(words)
        return
      case 'quorum':
        this.#setQuorum(words)
        return
      default:
        throw new Error(`unknown keyword ${keyword.slice(0, 32)}`)
    }
  }

  #addLog([vkey = '', url, ...more]: readonly string[]): void {
    if (more.length > 0) throw new Error('log <vkey> [<url>]')
    const key = parseVerifierKey(vkey)
    if (key.kind === 'cosignature') throw new Error('the key of a witness, not of a log')
    checkNew(this.logs, key)
    this.logs.push({ vkey, key, ...(url === undefined ? {} : { url }) })
  }

  #addWitness([name = '', vkey = '', url, ...more]: readonly string[]): void {
    if (more.length > 0) throw new Error('witness <name> <vkey> [<url>]')
    const key = parseVerifierKey(vkey)
    if (key.kind === 'ed25519') throw new Error('the key of a log, not of a witness')
    checkNew(this.witnesses, key)
    this.#define(name)
    this.witnesses.push({ name, vkey, key, ...(url === undefined ? {} : { url }) })
  }

  #addGroup([name = '', count = '', ...members]: readonly string[]): void {
    for (const member of members) {
      if (!this.#names.has(member)) throw new Error(`${member.slice(0, 32)} is not defined yet`)
      if (this.#members.has(member)) throw new Error(`${member.slice(0, 32)} is a member already`)
      this.#members.add(member)
    }
    const threshold = thresholdOf(count, members.length)
    if (threshold === undefined) throw new Error('group <name> <k|any|all> <name>…')
    if (this.groups.length === DEFINITIONS_MAX) throw new Error(`over ${DEFINITIONS_MAX} groups`)
    this.#define(name)
    this.groups.push({ name, threshold, members })
  }

  #setQuorum([name = '', ...more]: readonly string[]): void {
    if (this.quorum !== undefined) throw new Error('a second quorum')
    if (more.length > 0) throw new Error('quorum <name>')
    if (name !== NONE && !this.#names.has(name)) throw new Error('a quorum of what is not defined')
    this.quorum = name
  }

  #define(name: string): void {
    if (name === '' || name === NONE || this.#names.has(name)) {
      throw new Error(`a name that is taken: ${name.slice(0, 32)}`)
    }
    this.#names.add(name)
  }
}

/** The same public key under another name would let one signer count twice. */
function checkNew(known: readonly PolicyLog[], key: VerifierKey): void {
  const id = toHex(key.publicKey)
  if (known.some((other) => toHex(other.key.publicKey) === id)) throw new Error('a key twice')
  if (known.length === DEFINITIONS_MAX) throw new Error(`over ${DEFINITIONS_MAX} keys`)
}

function thresholdOf(text: string, members: number): number | undefined {
  if (members === 0) return undefined
  if (text === 'any') return 1
  if (text === 'all') return members
  const threshold = /^[1-9][0-9]{0,3}$/u.test(text) ? Number(text) : undefined
  return threshold !== undefined && threshold <= members ? threshold : undefined
}

function badPolicy(line: number, why: string, cause?: unknown): HanseError {
  return new HanseError('HANSE_LOG_POLICY', `policy line ${line}: ${why}`, { cause })
}

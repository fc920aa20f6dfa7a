import { isEqual, Refused } from './bytes.ts'
import type { Link } from './cid.ts'
import type { Fields } from './fields.ts'
import { isConsistent, isIncluded, leafHash } from './merkle.ts'
import { type Checkpoint, openCheckpoint } from './notes.ts'
import { entryOf, verifyProof } from './proofs.ts'
import {
  namedSigners,
  type Opened,
  openRecord,
  readRecord,
  type Signed,
  signatureOf,
} from './records.ts'
import { readLine } from './statements.ts'

export interface Session {
  readonly order: Link
  readonly receipt: Link
}

export interface Remembered {
  readonly note: string
  readonly hashes: readonly Uint8Array[] | null
}

/** What `hanse.settlement-proof.v1` shows: the event is about this session. @throws {Refused} */
export function checkEvent(network: string, proof: Fields, session: Session): void {
  const event = readRecord('hanse.log-event.v1', proof.bytes('event')).fields
  const [kind, about] =
    proof.get('statement') === null
      ? (['receipt-settled', session.receipt] as const)
      : (['statement-settled', openStated(network, proof.map('statement'), session).name] as const)
  if (event.text('kind') !== kind || !about.equals(event.get('record')))
    throw new Refused('HANSE_AUDIT_EVENT')
}

function openStated(network: string, stated: Fields, session: Session): Opened {
  const type = 'hanse.statement.v1'
  const signatures = stated.maps('signatures').map(signatureOf)
  const opened = openRecord(
    network,
    type,
    { bytes: stated.bytes('bytes'), signatures },
    namedSigners(type),
  )
  const line = readLine(stated.bytes('line'))
  const isOfSession =
    line.order === session.order.toString() && line.receipt === session.receipt.toString()
  if (!isOfSession) throw new Refused('HANSE_AUDIT_EVENT')
  const isIn = isIncluded({
    index: stated.int('index'),
    size: opened.fields.int('sessions'),
    leaf: leafHash(stated.bytes('line')),
    proof: hashesOf(stated, 'path'),
    root: opened.fields.bytes('root'),
  })
  if (!isIn) throw new Refused('HANSE_STATEMENT_ROOT')
  return opened
}

export interface Logged {
  readonly checkpoint: Checkpoint
  readonly vkey: string
  readonly settlement: string
}

/** The settlement signed the log's key, the log the checkpoint, and the entry is under it. @throws {Refused} */
export function checkLogged(network: string, proof: Fields, signedKey: Signed): Logged {
  const type = 'hanse.log-key.v1'
  const key = openRecord(network, type, signedKey, namedSigners(type)).fields
  const at = readRecord('hanse.log-event.v1', proof.bytes('event')).fields.int('at')
  if (at < key.int('notBefore') || at >= key.int('notAfter')) throw new Refused('HANSE_AUDIT_KEY')
  const entry = entryOf(proof.bytes('salt'), proof.bytes('event'))
  const vkey = key.text('vkey')
  return {
    checkpoint: verifyProof(proof.text('proof'), entry, vkey),
    vkey,
    settlement: key.text('settlement'),
  }
}

export type Since = 'same' | 'grown' | 'older' | null

/** How a proof's checkpoint stands to one that is remembered. @throws {Refused} HANSE_AUDIT_FORK, HANSE_LOG_* */
export function compare(
  { checkpoint, vkey }: Logged,
  proof: Fields,
  { note, hashes }: Remembered,
): Since {
  const known = openCheckpoint(note, vkey, [])
  if (known.size === checkpoint.size) {
    if (!isEqual(known.root, checkpoint.root)) throw new Refused('HANSE_AUDIT_FORK')
    return 'same'
  }
  const since: Since = known.size > checkpoint.size ? 'older' : 'grown'
  const [first, second] = since === 'older' ? [checkpoint, known] : [known, checkpoint]
  if (first.size === 0n) return since
  const own = since === 'grown' ? ownHashes(proof, first.size) : null
  const path = hashes ?? own
  if (path === null) return null
  const sizes = { size1: first.size, size2: second.size }
  const isTrue = isConsistent({ ...sizes, root1: first.root, root2: second.root, proof: path })
  if (!isTrue) throw new Refused('HANSE_AUDIT_FORK')
  return since
}

function ownHashes(proof: Fields, size: bigint): readonly Uint8Array[] | null {
  if (proof.get('consistency') === null) return null
  const consistency = proof.map('consistency')
  return consistency.int('size') === size ? hashesOf(consistency, 'hashes') : null
}

const hashesOf = (fields: Fields, key: string): readonly Uint8Array[] =>
  fields.list(key).flatMap((hash) => (hash instanceof Uint8Array ? [hash] : []))

import {
  named,
  noteSignerOf,
  type RememberedCheckpoint,
  type SettlementProof,
  type SignedRecord,
  settlementProof,
  signCheckpoint,
  verifySettlementProof,
} from '@hanse/protocol'
import { codeOf, context, NOW, signerFrom, stranger, toHex } from '@hanse/protocol/testing'
import {
  checkpointAt,
  consistency,
  encodeProof,
  events,
  leaves,
  makeLogKey,
  makeProof,
  SESSION,
  SIZE,
  saltOf,
  tlogProof,
} from './audit.ts'
import { signedJson } from './json.ts'

const FORKED = leaves.toReversed()

export function settlementsFile() {
  return {
    about:
      'Proofs that a session was settled and logged: `session` is what they are about, `key` the signed key of the ' +
      'settlement’s log. `since` is how the proof’s checkpoint stands to the one in `remembered`: same, grown, older, or ' +
      'null when nothing leads from one to the other.',
    network: context.network,
    session: { order: SESSION.order.toString(), receipt: SESSION.receipt.toString() },
    cases: cases().map(({ why, proof, key = makeLogKey(), remembered, code, since = null }) => {
      const bytes = encodeProof(proof)
      const trust = { ...context, key, ...(remembered === undefined ? {} : { remembered }) }
      let said: string | null = null
      const got = codeOf(() => {
        said = verifySettlementProof(bytes, SESSION, trust).since ?? null
      })
      if (got !== (code ?? 'accepted') || said !== since) throw new Error(`${why}: ${got}, ${said}`)
      return {
        why,
        proof: toHex(bytes),
        name: named(settlementProof, bytes).cid.toString(),
        key: signedJson(key),
        remembered:
          remembered === undefined
            ? null
            : { note: remembered.note, hashes: remembered.hashes?.map(toHex) ?? null },
        since,
        code: code ?? null,
      }
    }),
  }
}

interface Case {
  readonly why: string
  readonly proof: SettlementProof
  readonly key?: SignedRecord
  readonly remembered?: RememberedCheckpoint
  readonly since?: 'same' | 'grown' | 'older'
  readonly code?: string
}

function cases(): Case[] {
  const right = makeProof('receipt')
  const byStatement = makeProof('statement')
  const since3 = makeProof('receipt', { consistency: { size: 3n, hashes: consistency(3) } })
  const imposter = noteSignerOf('log.hanse.example/settlement', signerFrom(16))
  const { statement } = byStatement
  if (statement === null) throw new Error('no statement')
  const other = events[6]?.bytes ?? right.event
  const code = (name: string) => `HANSE_${name}`
  return [
    { why: 'settled by its last receipt', proof: right },
    { why: 'settled by a statement', proof: byStatement },
    {
      why: 'the checkpoint that is remembered',
      proof: right,
      remembered: { note: checkpointAt(SIZE) },
      since: 'same',
    },
    {
      why: 'grown since, as the proof shows',
      proof: since3,
      remembered: { note: checkpointAt(3) },
      since: 'grown',
    },
    {
      why: 'grown since, by hashes from elsewhere',
      proof: right,
      remembered: { note: checkpointAt(5), hashes: consistency(5) },
      since: 'grown',
    },
    { why: 'nothing leads there', proof: right, remembered: { note: checkpointAt(3) } },
    {
      why: 'two trees of one size',
      proof: right,
      remembered: { note: checkpointAt(SIZE, FORKED) },
      code: code('AUDIT_FORK'),
    },
    {
      why: 'another history',
      proof: since3,
      remembered: { note: checkpointAt(3, FORKED) },
      code: code('AUDIT_FORK'),
    },
    { why: 'an event of another kind', proof: logged(6), code: code('AUDIT_EVENT') },
    {
      why: 'an event that was not logged',
      proof: { ...right, event: other, salt: saltOf(4) },
      code: code('AUDIT_EVENT'),
    },
    { why: 'another salt', proof: { ...right, salt: saltOf(5) }, code: code('LOG_PROOF') },
    {
      why: 'the place of another entry',
      proof: { ...right, proof: tlogProof(3) },
      code: code('LOG_PROOF'),
    },
    {
      why: 'an event that is none',
      proof: { ...right, event: Uint8Array.of(0xa0) },
      code: code('RECORD_UNKNOWN_TYPE'),
    },
    {
      why: 'a line that is not in the statement',
      proof: { ...byStatement, statement: { ...statement, index: 0 } },
      code: code('STATEMENT_ROOT'),
    },
    {
      why: 'a statement that one side signed',
      proof: {
        ...byStatement,
        statement: { ...statement, signatures: statement.signatures.slice(0, 1) },
      },
      code: code('SIGNATURE_MISSING'),
    },
    {
      why: 'a statement, and the event of a receipt',
      proof: { ...right, statement },
      code: code('AUDIT_EVENT'),
    },
    {
      why: 'the event of a statement, and none',
      proof: { ...byStatement, statement: null },
      code: code('AUDIT_EVENT'),
    },
    {
      why: 'a key of another time',
      proof: right,
      key: makeLogKey({ notBefore: NOW - 2, notAfter: NOW - 1 }),
      code: code('AUDIT_KEY'),
    },
    {
      why: 'a key that a stranger signed',
      proof: right,
      key: makeLogKey({ settlement: stranger.peerId }),
      code: code('SIGNATURE_MISSING'),
    },
    {
      why: 'a log of the same name, and another key',
      proof: {
        ...right,
        proof: tlogProof(
          4,
          signCheckpoint(imposter, { size: BigInt(SIZE), root: new Uint8Array(32) }),
        ),
      },
      code: code('LOG_UNSIGNED'),
    },
  ]
}

/** A proof of another entry of the log. */
const logged = (index: number) =>
  makeProof('receipt', {
    event: events[index]?.bytes ?? new Uint8Array(),
    salt: saltOf(index),
    proof: tlogProof(index),
  })

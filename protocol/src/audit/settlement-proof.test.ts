import { describe, expect, test } from 'vitest'
import { asHanseError, HanseError } from '../errors.ts'
import { noteSignerOf } from '../log/note.ts'
import { HOUR_MS, makeOrder, NETWORK, NOW, settlement, stranger } from '../testing/fixtures.ts'
import { logEvent } from './event.ts'
import { logKey } from './log-key.ts'
import { type SettlementProof, settlementProof } from './settlement-proof.ts'
import {
  AT,
  logSigner,
  type Made,
  makeLogKey,
  makeProof,
  makeStated,
  SALT,
  SESSION,
} from './testdata/settled.ts'
import { type SettlementProofTrust, verifySettlementProof } from './verify-settlement-proof.ts'

const trust: SettlementProofTrust = { network: NETWORK, key: makeLogKey() }
const codeOf = (proof: Uint8Array, changes: Partial<SettlementProofTrust> = {}): string => {
  try {
    verifySettlementProof(proof, SESSION, { ...trust, ...changes })
    return 'fine'
  } catch (error) {
    if (!(error instanceof HanseError)) throw error
    return error.code
  }
}
const { cid, statement } = makeStated()
const byStatement = { kind: 'statement-settled', record: cid } as const
const stated = (changes: Partial<NonNullable<SettlementProof['statement']>> = {}): Uint8Array =>
  makeProof(byStatement, { statement: { ...statement, ...changes } }).proof

test('a proof of a session that was settled by its receipt', () => {
  expect(verifySettlementProof(makeProof().proof, SESSION, trust)).toMatchObject({
    event: { value: { kind: 'receipt-settled', at: AT } },
    index: 4n,
    checkpoint: { size: 7n, origin: 'log.example/hanse' },
    since: undefined,
  })
})

test('a proof of a session that was settled by a statement shows its line', () => {
  const verified = verifySettlementProof(stated(), SESSION, trust)
  expect(verified.statement?.line.receipt.equals(SESSION.receipt)).toBe(true)
  expect(verified.statement?.cid.equals(cid)).toBe(true)
})

const [first] = statement.signatures
const other = makeOrder({ maxInputTokens: 99n })
const foreign = makeStated({ order: other.cid })
test.each<[string, string, Uint8Array]>([
  ['about another receipt', 'HANSE_AUDIT_EVENT', makeProof({ record: other.cid }).proof],
  ['about nothing', 'HANSE_AUDIT_EVENT', makeProof({ record: null }).proof],
  ['about something else', 'HANSE_AUDIT_EVENT', makeProof({ kind: 'payout' }).proof],
  ['of a statement without it', 'HANSE_AUDIT_EVENT', makeProof(byStatement).proof],
  ['of a statement that is not logged', 'HANSE_AUDIT_EVENT', makeProof({}, { statement }).proof],
  ['of another session’s line', 'HANSE_AUDIT_EVENT', stated(foreign.statement)],
  ['of a line elsewhere', 'HANSE_STATEMENT_ROOT', stated({ index: 0 })],
  ['of a line beyond the end', 'HANSE_STATEMENT_ROOT', stated({ index: 3 })],
  ['without the path', 'HANSE_STATEMENT_ROOT', stated({ path: [] })],
  [
    'of a statement that one side signed',
    'HANSE_SIGNATURE_MISSING',
    stated({ signatures: first === undefined ? [] : [first] }),
  ],
  ['with another salt', 'HANSE_LOG_PROOF', makeProof({}, { salt: SALT.map(() => 8) }).proof],
  ['without a proof', 'HANSE_LOG_PROOF_FORMAT', makeProof({}, { proof: 'proof' }).proof],
])('a proof %s is %s', (_, code, proof) => {
  expect(codeOf(proof)).toBe(code)
})

describe('the key of the log', () => {
  const { proof } = makeProof()

  test('must be the settlement’s word, and for that time', () => {
    const key = (changes: Parameters<typeof makeLogKey>[0], signer = settlement) =>
      codeOf(proof, { key: makeLogKey(changes, signer) })
    expect(key({})).toBe('fine')
    expect(key({}, stranger)).toBe('HANSE_SIGNATURE_MISSING')
    expect(key({ notAfter: AT })).toBe('HANSE_AUDIT_KEY')
    expect(key({ notBefore: AT + 1 })).toBe('HANSE_AUDIT_KEY')
    expect(key({ vkey: noteSignerOf('log.example/hanse', stranger).vkey })).toBe(
      'HANSE_LOG_UNSIGNED',
    )
    expect(codeOf(proof, { network: 'elsewhere' })).toBe('HANSE_SIGNATURE_INVALID')
  })

  test('is an Ed25519 key with a time that has an end', () => {
    const value = logKey.decode(makeLogKey().bytes)
    for (const wrong of [{ vkey: 'log.example' }, { notAfter: NOW }]) {
      expect(() => logKey.encode({ ...value, ...wrong })).toThrow(HanseError)
    }
    expect(value).toMatchObject({ vkey: logSigner.vkey, notAfter: NOW + HOUR_MS })
  })
})

describe('a checkpoint that the reader remembers', () => {
  const since = (made: Made, note: string, hashes?: readonly Uint8Array[]): unknown => {
    const remembered = { note, ...(hashes !== undefined && { hashes }) }
    try {
      return verifySettlementProof(made.proof, SESSION, { ...trust, remembered }).since
    } catch (error) {
      return asHanseError(error).code
    }
  }
  const made = makeProof({}, {}, 5)

  test('from before is continued, when the proof says how', () => {
    expect(since(made, made.checkpoint(5))).toBe('grown')
    expect(since(made, made.checkpoint(3))).toBeUndefined()
    expect(since(made, made.checkpoint(3), made.consistency(3, 7))).toBe('grown')
  })

  test('of the same size is the same, or the log was forked', () => {
    expect(since(made, made.checkpoint(7))).toBe('same')
    expect(since(made, made.checkpoint(7, true))).toBe('HANSE_AUDIT_FORK')
  })

  test('from later continues the proof’s', () => {
    expect(since(made, made.checkpoint(9))).toBeUndefined()
    expect(since(made, made.checkpoint(9), made.consistency(7, 9))).toBe('older')
    expect(since(made, made.checkpoint(9, true), made.consistency(7, 9))).toBe('HANSE_AUDIT_FORK')
  })

  test('that the log does not continue is a fork', () => {
    expect(since(made, made.checkpoint(5, true))).toBe('HANSE_AUDIT_FORK')
  })

  test('of another log is none', () => {
    expect(since(made, 'a note\n')).toMatch(/^HANSE_LOG_/u)
  })
})

test('events and proofs are canonical records', () => {
  const { value, proof } = makeProof()
  expect(settlementProof.decode(proof)).toEqual(value)
  const event = logEvent.decode(value.event)
  expect(logEvent.encode(event)).toEqual(value.event)
  expect(() => logEvent.encode({ ...event, kind: 'gossip' as 'payout' })).toThrow(HanseError)
  expect(() => logEvent.encode({ ...event, subject: new Uint8Array(33) })).toThrow(HanseError)
})

import { cidOf, encodeCanonical, HanseError } from '@hanse/protocol'
import { expect, test } from 'vitest'
import { makeDeal, newSigner } from '../testing/deals.ts'
import { NETWORK, NOW } from '../testing/market.ts'
import { lineOf, makeStatement } from '../testing/statements.ts'
import {
  readStatements,
  STATEMENTS_BYTES_MAX,
  STATEMENTS_MAX,
  writeStatements,
} from './statement-batch.ts'
import { verifyStatement } from './verify-statement.ts'

const context = { network: NETWORK, now: NOW, receiptGraceMs: 1000 }
const [consumer, provider] = [newSigner(), newSigner()]
const authorization = { bytes: encodeCanonical('authorization'), signatures: [] }
const terms = { network: NETWORK, consumer, provider, at: NOW, authorization }
const submissions = [1, 2, 3].map((tokens) => makeDeal(terms).submission(4, tokens))
const made = makeStatement(terms, submissions.map(lineOf))

test('a statement becomes one claim for each of its lines, without evidence of its own', () => {
  const claim = verifyStatement(made, context)
  expect(claim).toMatchObject({ cid: made.cid.toString(), sequence: 0n, refused: [] })
  expect(claim.sum.amount).toBe(made.value.amount)
  expect(claim.claims).toHaveLength(3)
  expect(claim.claims[1]).toMatchObject({
    session: cidOf(submissions[1]?.order.bytes ?? new Uint8Array()).toString(),
    authorization: cidOf(authorization.bytes).toString(),
    sequence: 4n,
    outputTokens: 2n,
    amount: 1_400_000n,
    evidence: null,
    statement: made.cid.toString(),
  })
  // It crosses to the store's thread.
  expect(structuredClone(claim)).toEqual(claim)
})

test('lines beyond the grace are refused, and the others are not', () => {
  const old = lineOf(makeDeal({ ...terms, at: NOW - 1001 }).submission(0, 1))
  const mixed = makeStatement(terms, [old, ...submissions.map(lineOf)])
  const claim = verifyStatement(mixed, context)
  expect(claim.claims).toHaveLength(3)
  expect(claim.refused).toMatchObject([
    { session: old.order.toString(), code: 'HANSE_RECEIPT_EXPIRED' },
  ])
})

test('a batch travels as it was, an item that is none comes back as its own error', () => {
  const bytes = writeStatements([made, made])
  expect(bytes.byteLength).toBeLessThan(STATEMENTS_BYTES_MAX)
  const [first] = readStatements(bytes)
  if (first === undefined || first instanceof HanseError) throw new Error('not read')
  expect(verifyStatement(first, context)).toEqual(verifyStatement(made, context))
  const mixed = readStatements(encodeCanonical({ items: [{ statement: 1 }, 'x'] }))
  expect(mixed).toMatchObject([{ code: 'HANSE_RECORD_FIELDS' }, { code: 'HANSE_RECORD_FIELDS' }])
  const long = writeStatements(Array.from({ length: STATEMENTS_MAX + 1 }, () => made))
  expect(() => readStatements(long)).toThrow(/at most 20/u)
})

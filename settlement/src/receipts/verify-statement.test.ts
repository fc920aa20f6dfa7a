import {
  cidOf,
  encodeCanonical,
  HanseError,
  LINE_BYTES_MAX,
  STATEMENT_SESSIONS_MAX,
} from '@hanse/protocol'
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

test('the largest batch is read, and one of a million empty items is refused before they are made', () => {
  const lines = Array.from({ length: STATEMENT_SESSIONS_MAX }, () => new Uint8Array(LINE_BYTES_MAX))
  const { signatures } = submissions[0]?.receipt ?? made.statement
  expect(signatures).toHaveLength(2)
  const statement = { bytes: new Uint8Array(2048), signatures }
  const whole = Array.from({ length: STATEMENTS_MAX }, () => ({ ...made, statement, lines }))
  const read = readStatements(writeStatements(whole))
  expect(read.filter((each) => !(each instanceof HanseError))).toHaveLength(STATEMENTS_MAX)
  const empty = encodeCanonical({ items: Array.from({ length: 1_000_000 }, () => ({})) })
  expect(() => readStatements(empty)).toThrow(
    expect.objectContaining({ code: 'HANSE_RECORD_MALFORMED' }),
  )
})

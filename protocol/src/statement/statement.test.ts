import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HanseError } from '../errors.ts'
import { leafHash } from '../log/hash.ts'
import { verifyInclusion } from '../log/verify.ts'
import { picoEuro } from '../money.ts'
import { type Role, type SignedRecord, signBytes } from '../record/signed.ts'
import { FINAL_REASONS } from '../session/reasons.ts'
import {
  codeOf,
  consumer,
  context,
  makeAuthorization,
  NOW,
  provider,
  RUNS,
  sign,
  stranger,
} from '../testing/fixtures.ts'
import { bytesEqual, cidOf, decodeCanonical, encodeCanonical, utf8 } from '../wire.ts'
import { decodeLine, encodeLine, LINE_BYTES_MAX, type StatementLine } from './line.ts'
import {
  checkFollows,
  type LaneTerms,
  openStatement,
  proveLine,
  type Statement,
  statement,
  stateSessions,
} from './statement.ts'

const terms: LaneTerms = {
  consumer: consumer.peerId,
  provider: provider.peerId,
  authorization: makeAuthorization().cid,
  residency: { allow: ['EU'], minLevel: 3 },
  lane: 0,
}

const lineOf = (i: number, changes: Partial<StatementLine> = {}): StatementLine => ({
  order: cidOf(utf8(`order ${i}`)),
  receipt: cidOf(utf8(`receipt ${i}`)),
  model: 'hanse/test-model:q4',
  sequence: 2n,
  inputTokens: 10n,
  cachedInputTokens: 4n,
  outputTokens: BigInt(i),
  amount: picoEuro(BigInt(1000 + i)),
  acceptedAt: NOW + i,
  final: 'completed',
  ...changes,
})
const linesOf = (count: number, first = 0) =>
  Array.from({ length: count }, (_, i) => lineOf(first + i))

/** Signs by both sides. */
function signed(value: Statement, by = [provider, consumer]): SignedRecord {
  const first = sign(statement, value, 'provider', by[0] ?? provider)
  const second = signBytes(context, statement, first.bytes, 'consumer', by[1] ?? consumer)
  return { bytes: first.bytes, signatures: [...first.signatures, second] }
}
const open = (value: Statement, lines: readonly StatementLine[]) =>
  openStatement(context, signed(value), lines.map(encodeLine))

describe('a line', () => {
  const u63 = fc.oneof(fc.bigInt(0n, 2n ** 63n - 1n), fc.bigInt(0n, 300n))
  const lines = fc
    .record({
      order: fc.uint8Array({ maxLength: 4 }).map((seed) => cidOf(seed)),
      receipt: fc.uint8Array({ maxLength: 4 }).map((seed) => cidOf(seed)),
      model: fc.constantFrom('a/b', 'hanse/test-model:q4', `a/${'x'.repeat(126)}`),
      sequence: u63,
      inputTokens: u63,
      cachedInputTokens: u63,
      outputTokens: u63,
      amount: u63.map(picoEuro),
      acceptedAt: fc.integer({ min: 0, max: 8.64e15 }),
      final: fc.constantFrom(...FINAL_REASONS),
    })
    .filter((line) => line.cachedInputTokens <= line.inputTokens)

  test('comes back from its bytes, which fit the limit and are canonical DAG-CBOR', () => {
    fc.assert(
      fc.property(lines, (line) => {
        const bytes = encodeLine(line)
        expect(bytes.byteLength).toBeLessThanOrEqual(LINE_BYTES_MAX)
        expect(decodeLine(bytes)).toEqual(line)
        decodeCanonical(bytes, LINE_BYTES_MAX)
      }),
      { numRuns: RUNS.cheap },
    )
  })

  test('is read as the general decoder reads it, or not at all', () => {
    const mutations = fc.array(
      fc.tuple(fc.nat(LINE_BYTES_MAX), fc.nat(255), fc.constantFrom('set', 'cut', 'insert')),
      { minLength: 1, maxLength: 3 },
    )
    fc.assert(
      fc.property(lines, mutations, (line, changes) => {
        const bytes = [...encodeLine(line)]
        for (const [at, byte, how] of changes) {
          const where = at % bytes.length
          if (how === 'cut') bytes.splice(where, 1)
          else bytes.splice(where, how === 'set' ? 1 : 0, byte)
        }
        const changed = Uint8Array.from(bytes)
        let read: StatementLine
        try {
          read = decodeLine(changed)
        } catch (error) {
          expect(error).toBeInstanceOf(HanseError)
          return
        }
        expect(bytesEqual(encodeLine(read), changed)).toBe(true)
      }),
      { numRuns: RUNS.cheap * 3 },
    )
  })

  test.each<[string, unknown]>([
    ['a map', { a: 1 }],
    ['nothing in it', []],
    ['another type of number', [...fieldsOf(), 1]],
  ])('that is %s is refused', (_, value) => {
    expect(codeOf(() => decodeLine(encodeCanonical(value)))).toBe('HANSE_STATEMENT_LINE')
  })

  test.each<[string, Partial<Record<keyof StatementLine, unknown>>]>([
    ['no model', { model: 'Not A Model' }],
    ['a model beyond ASCII', { model: 'hanse/modèle' }],
    ['no reason', { final: 'because' }],
    ['no final reason', { final: null }],
    ['a negative count', { outputTokens: -1n }],
    ['a count beyond 63 bits', { amount: 2n ** 63n }],
    ['more cached than input', { cachedInputTokens: 11n }],
    ['a time beyond all', { acceptedAt: 9_000_000_000_000_000 }],
    ['a text for a link', { order: 'x' }],
  ])('with %s is refused', (_, changes) => {
    const bytes = encodeCanonical(Object.values({ ...lineOf(1), ...changes }))
    expect(codeOf(() => decodeLine(bytes))).toBe('HANSE_STATEMENT_LINE')
  })

  function fieldsOf(): unknown[] {
    return Object.values(lineOf(1)).slice(0, 9)
  }
})

describe('a statement', () => {
  test('opens with its lines, and any of them is proved by its path', () => {
    const lines = linesOf(7)
    const value = stateSessions(terms, undefined, lines)
    const opened = open(value, lines)
    expect(opened.lines).toEqual(lines)
    expect(opened.value).toMatchObject({ sessions: 7, amount: 7021n, inputTokens: 70n, from: NOW })
    const encoded = lines.map(encodeLine)
    for (const [i, line] of encoded.entries()) {
      const claim = { leafIndex: BigInt(i), treeSize: 7n, leafHash: leafHash(line) }
      expect(verifyInclusion({ ...claim, proof: proveLine(encoded, i), root: value.root })).toBe(
        true,
      )
    }
  })

  test('follows the one before it with totals of both', () => {
    const first = open(stateSessions(terms, undefined, linesOf(3)), linesOf(3))
    const second = open(stateSessions(terms, first, linesOf(2, 3)), linesOf(2, 3))
    expect(second.value).toMatchObject({ sequence: 1n, amount: 5010n, outputTokens: 10n })
    checkFollows(first, undefined)
    checkFollows(second, first)
    expect(codeOf(() => checkFollows(second, undefined))).toBe('HANSE_STATEMENT_SEQUENCE')
    expect(codeOf(() => checkFollows(first, second))).toBe('HANSE_STATEMENT_SEQUENCE')
  })

  test.each<[string, Partial<Statement>, string]>([
    ['in another lane', { lane: 1 }, 'HANSE_STATEMENT_SEQUENCE'],
    ['under another policy', { residency: { allow: [], minLevel: 0 } }, 'HANSE_STATEMENT_SEQUENCE'],
    ['a number later', { sequence: 2n }, 'HANSE_STATEMENT_SEQUENCE'],
    ['for more', { amount: picoEuro(9999n) }, 'HANSE_STATEMENT_TOTALS'],
    ['for more tokens', { outputTokens: 99n }, 'HANSE_STATEMENT_TOTALS'],
  ])('%s does not follow', (_, changes, code) => {
    const first = open(stateSessions(terms, undefined, linesOf(3)), linesOf(3))
    const value = { ...stateSessions(terms, first, linesOf(2, 3)), ...changes }
    const second = open(value, linesOf(2, 3))
    expect(codeOf(() => checkFollows(second, first))).toBe(code)
  })

  test.each<[string, Partial<Statement>, readonly StatementLine[], string]>([
    ['a line missing', {}, linesOf(2), 'HANSE_STATEMENT_ROOT'],
    ['a line changed', {}, [lineOf(0), lineOf(1), lineOf(9)], 'HANSE_STATEMENT_ROOT'],
    ['lines in another order', {}, linesOf(3).toReversed(), 'HANSE_STATEMENT_ROOT'],
    ['another total', { amount: picoEuro(1n) }, linesOf(3), 'HANSE_STATEMENT_TOTALS'],
    ['another time', { from: NOW - 1 }, linesOf(3), 'HANSE_STATEMENT_TOTALS'],
    ['an end before its begin', { to: NOW - 1 }, linesOf(3), 'HANSE_RECORD_FIELDS'],
    ['a first with one before', { previous: cidOf(utf8('x')) }, linesOf(3), 'HANSE_RECORD_FIELDS'],
  ])('with %s is refused', (_, changes, lines, code) => {
    expect(
      codeOf(() => open({ ...stateSessions(terms, undefined, linesOf(3)), ...changes }, lines)),
    ).toBe(code)
  })

  test('that holds a session twice is refused', () => {
    const lines = [lineOf(1), { ...lineOf(2), order: lineOf(1).order }]
    expect(codeOf(() => open(stateSessions(terms, undefined, lines), lines))).toBe(
      'HANSE_STATEMENT_LINE',
    )
  })

  test('needs both signatures, each in its role', () => {
    const lines = linesOf(2)
    const value = stateSessions(terms, undefined, lines)
    const good = signed(value)
    const attempt = (record: SignedRecord) =>
      codeOf(() => openStatement(context, record, lines.map(encodeLine)))
    expect(attempt(good)).toBe('accepted')
    expect(attempt({ ...good, signatures: good.signatures.slice(0, 1) })).toBe(
      'HANSE_SIGNATURE_MISSING',
    )
    expect(attempt(signed(value, [provider, stranger]))).toBe('HANSE_SIGNATURE_MISSING')
    const swapped: Role[] = ['consumer', 'provider']
    const signatures = good.signatures.map((s, i) => ({ ...s, role: swapped[i] ?? s.role }))
    expect(attempt({ ...good, signatures })).toBe('HANSE_SIGNATURE_MISSING')
  })
})

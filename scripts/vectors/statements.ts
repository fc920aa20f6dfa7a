import {
  cidOf,
  encodeCanonical,
  encodeLine,
  type LaneTerms,
  leafHash,
  type Named,
  picoEuro,
  proveLine,
  type SignedRecord,
  type Statement,
  type StatementLine,
  signBytes,
  statement,
  stateSessions,
} from '@hanse/protocol'
import * as make from '@hanse/protocol/testing'
import { boundariesOf } from './boundaries.ts'
import { changeOf } from './change.ts'
import { LINE_SCHEMA } from './frame-schemas.ts'
import { signedJson, tagged } from './json.ts'
import { type Sample, sampleOf } from './sample.ts'

const { consumer, context, NOW, provider, toHex } = make

export const TERMS: LaneTerms = {
  consumer: consumer.peerId,
  provider: provider.peerId,
  authorization: make.makeAuthorization().cid,
  residency: { allow: ['EU'], minLevel: 3 },
  lane: 7,
}

const linkOf = (text: string) => cidOf(new TextEncoder().encode(text))

export const lineOf = (i: number, changes: Partial<StatementLine> = {}): StatementLine => ({
  order: linkOf(`order ${i}`),
  receipt: linkOf(`receipt ${i}`),
  model: make.MODEL,
  sequence: BigInt(i),
  inputTokens: 10n,
  cachedInputTokens: 4n,
  outputTokens: BigInt(10 * i),
  amount: picoEuro(10n * make.INPUT_PRICE + BigInt(10 * i) * make.OUTPUT_PRICE),
  acceptedAt: NOW + i,
  final: i % 3 === 2 ? 'cancelled' : 'completed',
  ...changes,
})

type Stated = Named<Statement> & SignedRecord & { readonly lines: readonly StatementLine[] }

/** Three Statements of one lane, over one, two and seven sessions. */
export function chain(): Stated[] {
  const stated: Stated[] = []
  let from = 0
  for (const count of [1, 2, 7]) {
    const lines = Array.from({ length: count }, (_, i) => lineOf(from + i))
    stated.push(signStatement(stateSessions(TERMS, stated.at(-1), lines), lines))
    from += count
  }
  return stated
}

export function signStatement(value: Statement, lines: readonly StatementLine[]): Stated {
  const signed = make.sign(statement, value, 'provider', provider)
  const ours = signBytes(context, statement, signed.bytes, 'consumer', consumer)
  return { ...signed, signatures: [...signed.signatures, ours], lines }
}

export function statementSamples(): Sample[] {
  return chain().map((stated, i) => sampleOf(`statement ${i}`, statement, stated))
}

export function statementsFile() {
  const stated = chain()
  return {
    about:
      'Statements of one lane, in their order, with their lines. The leaves of a Statement’s tree are the bytes of its ' +
      'lines; totals are cumulative over the lane; `proofs` has the hashes that prove each line, from the leaf up. ' +
      '`lines` are a right line and others, as in limits.json. `refused` are sets of a signed Statement and lines that must not be opened.',
    network: context.network,
    statements: stated.map((signed) => {
      const lines = signed.lines.map(encodeLine)
      return {
        ...signedJson(signed),
        cid: signed.cid.toString(),
        fields: tagged(signed.value),
        lines: lines.map((bytes, i) => ({
          fields: tagged(fieldsOf(signed.lines[i] ?? lineOf(0))),
          bytes: toHex(bytes),
          leafHash: toHex(leafHash(bytes)),
          proof: proveLine(lines, i).map(toHex),
        })),
      }
    }),
    lines: lineLimits(),
    refused: refusedStatements(stated),
    broken: brokenChains(stated),
  }
}

/** A line is the list of its fields, in this order. */
export function fieldsOf(line: StatementLine): unknown[] {
  return [
    line.order,
    line.receipt,
    line.model,
    line.sequence,
    line.inputTokens,
    line.cachedInputTokens,
    line.outputTokens,
    line.amount,
    line.acceptedAt,
    line.final,
  ]
}

/** A line is no record: it has no type, and its own reader. */
function lineLimits() {
  const fields = fieldsOf(lineOf(1))
  const base = encodeCanonical(fields)
  const cases = boundariesOf(LINE_SCHEMA, fields).map(({ why, value, isRefused }) => {
    const bytes = encodeCanonical(value)
    // The fifth and sixth fields: more cached than input tokens.
    const [, , , , input, cached] = Array.isArray(value) ? (value as unknown[]) : []
    const isBroken = typeof input === 'bigint' && typeof cached === 'bigint' && cached > input
    return {
      why,
      code: isRefused || isBroken ? 'HANSE_STATEMENT_LINE' : null,
      ...changeOf(base, bytes),
    }
  })
  const tagOfLink = base.indexOf(0xd8)
  const longer = Uint8Array.of(
    ...base.subarray(0, tagOfLink),
    0xd9,
    0,
    ...base.subarray(tagOfLink + 1),
  )
  const others: [string, Uint8Array][] = [
    ['nothing', new Uint8Array(0)],
    ['cut short', base.subarray(0, -1)],
    ['a byte after it', Uint8Array.of(...base, 0)],
    ['a tag longer than need be', longer],
    ['a length longer than need be', Uint8Array.of(0x98, ...base)],
  ]
  return {
    base: toHex(base),
    cases: [
      ...cases,
      ...others.map(([why, bytes]) => ({
        why,
        code: 'HANSE_STATEMENT_LINE',
        ...changeOf(base, bytes),
      })),
    ],
  }
}

function refusedStatements(stated: readonly Stated[]) {
  const [first, , third] = stated
  if (first === undefined || third === undefined) throw new Error('too few statements')
  const lines = third.lines.map(encodeLine)
  const remade = (changes: Partial<Statement>, over = first.lines) => {
    const made = stateSessions(TERMS, undefined, over)
    return signStatement({ ...made, ...changes }, over)
  }
  const twice = [lineOf(1), lineOf(1, { outputTokens: 11n })]
  const spoiled = signStatement(
    { ...stateSessions(TERMS, undefined, [lineOf(0)]), root: leafHash(Uint8Array.of(0x80)) },
    [],
  )
  const cases: [string, SignedRecord, readonly Uint8Array[], string][] = [
    ['a line less', third, lines.slice(1), 'HANSE_STATEMENT_ROOT'],
    ['a line more', third, [...lines, lines[0] ?? new Uint8Array()], 'HANSE_STATEMENT_ROOT'],
    ['another order of lines', third, lines.toReversed(), 'HANSE_STATEMENT_ROOT'],
    ['a line changed', third, lines.with(2, encodeLine(lineOf(99))), 'HANSE_STATEMENT_ROOT'],
    ['a line that is no line', spoiled, [Uint8Array.of(0x80)], 'HANSE_STATEMENT_LINE'],
    ['a session twice', remade({}, twice), twice.map(encodeLine), 'HANSE_STATEMENT_LINE'],
    ...(
      [
        ['tokens that are not there', { inputTokens: 11n }],
        ['an amount that is not there', { amount: picoEuro(1n) }],
        ['another time', { from: NOW - 1 }],
      ] as const
    ).map(([why, changes]): [string, SignedRecord, Uint8Array[], string] => [
      why,
      remade(changes),
      first.lines.map(encodeLine),
      'HANSE_STATEMENT_TOTALS',
    ]),
  ]
  return cases.map(([why, signed, over, code]) => ({
    why,
    ...signedJson(signed),
    lines: over.map(toHex),
    code,
  }))
}

/** Statements that open, and do not follow one another. */
function brokenChains(stated: readonly Stated[]) {
  const [first, second, third] = stated
  if (first === undefined || second === undefined || third === undefined) throw new Error('too few')
  const { lines } = second
  const next = stateSessions(TERMS, first, lines)
  const cases: [string, Stated | undefined, Stated, string][] = [
    ['one was left out', first, third, 'HANSE_STATEMENT_SEQUENCE'],
    ['the second, with none before', undefined, second, 'HANSE_STATEMENT_SEQUENCE'],
    ['the first, after another', first, first, 'HANSE_STATEMENT_SEQUENCE'],
    ['another lane', first, signStatement({ ...next, lane: 8 }, lines), 'HANSE_STATEMENT_SEQUENCE'],
    [
      'another policy',
      first,
      signStatement({ ...next, residency: { allow: ['EEA'], minLevel: 3 } }, lines),
      'HANSE_STATEMENT_SEQUENCE',
    ],
    [
      'totals that grew too much',
      first,
      signStatement({ ...next, amount: picoEuro(next.amount + 1n) }, lines),
      'HANSE_STATEMENT_TOTALS',
    ],
  ]
  return cases.map(([why, before, after, code]) => ({
    why,
    before: before === undefined ? null : withLines(before),
    after: withLines(after),
    code,
  }))
}

const withLines = (stated: Stated) => ({
  ...signedJson(stated),
  lines: stated.lines.map((line) => toHex(encodeLine(line))),
})

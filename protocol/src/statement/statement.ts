import type { CID } from 'multiformats/cid'
import { z } from 'zod'
import { HanseError } from '../errors.ts'
import { leafHash } from '../log/hash.ts'
import { proveInclusion, rootOfLeaves } from '../log/tree.ts'
import { type PicoEuro, picoEuro } from '../money.ts'
import { amount, bytes, cid, counter, peerId, smallInt, timestamp } from '../record/fields.ts'
import { defineRecord, type Named } from '../record/record.ts'
import { openSigned, type SignedRecord, type SigningContext } from '../record/signed.ts'
import { isSameResidency, residencySchema } from '../region/policy.ts'
import { bytesEqual } from '../wire.ts'
import { decodeLine, encodeLine, LINE_BYTES_MAX, type StatementLine } from './line.ts'

/** Sessions in one Statement: a few seconds' worth, and their lines fit into one frame. */
export const STATEMENT_SESSIONS_MAX = 1000

/**
 * Both sides' word on many sessions at once; signed by provider and consumer. Totals are cumulative over a lane, so that
 * the last Statement of a lane says all of it.
 */
export const statement = defineRecord(
  'hanse.statement.v1',
  {
    consumer: peerId,
    provider: peerId,
    /** Of every session in it. */
    authorization: cid,
    residency: residencySchema,
    /** The chain that it is part of. Lanes of one authorization do not wait for each other. */
    lane: smallInt(2 ** 32 - 1),
    /** 0, then one more each time in the lane. */
    sequence: counter,
    previous: cid.nullable(),
    /** How many sessions ended since the one before. */
    sessions: z.int().min(1).max(STATEMENT_SESSIONS_MAX),
    /** RFC 9162 root over their lines, in the order of the list that goes with it. */
    root: bytes(32),
    inputTokens: counter,
    outputTokens: counter,
    amount,
    /** The first and the last acceptance among them. */
    from: timestamp,
    to: timestamp,
  },
  {
    check: ({ sequence, previous, from, to }) => {
      if ((sequence === 0n) !== (previous === null)) return 'only the first has none before it'
      return from <= to ? undefined : 'to is before from'
    },
  },
)
export type Statement = ReturnType<typeof statement.decode>

export const statementSigners = (value: Statement) =>
  [
    { signer: value.provider, role: 'provider' },
    { signer: value.consumer, role: 'consumer' },
  ] as const

/** What all Statements of a lane have in common. */
export type LaneTerms = Pick<
  Statement,
  'consumer' | 'provider' | 'authorization' | 'residency' | 'lane'
>

/** A Statement and the lines that it is over. */
export interface OpenStatement extends Named<Statement> {
  readonly lines: readonly StatementLine[]
}

/** The Statement that follows `previous` over these lines. */
export function stateSessions(
  terms: LaneTerms,
  previous: Named<Statement> | undefined,
  lines: readonly StatementLine[],
): Statement {
  const accepted = lines.map(({ acceptedAt }) => acceptedAt)
  const { consumer, provider, authorization, residency, lane } = terms
  return {
    consumer,
    provider,
    authorization,
    residency,
    lane,
    sequence: previous === undefined ? 0n : previous.value.sequence + 1n,
    previous: previous?.cid ?? null,
    sessions: lines.length,
    root: rootOfLeaves(lines.map((line) => leafHash(encodeLine(line)))),
    ...add(previous?.value ?? NOTHING, totalsOf(lines)),
    from: Math.min(...accepted),
    to: Math.max(...accepted),
  }
}

/**
 * Opens a Statement that both sides signed: two signatures and one hash a session, whatever the sessions were.
 *
 * @param lines as bytes, in their order
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_*, HANSE_STATEMENT_ROOT, HANSE_STATEMENT_LINE,
 *   HANSE_STATEMENT_TOTALS
 */
export function openStatement(
  context: SigningContext,
  signed: SignedRecord,
  lines: readonly Uint8Array[],
): OpenStatement {
  const opened = openSigned(context, statement, signed, statementSigners)
  return { cid: opened.cid, bytes: opened.bytes, value: opened.value, ...readLines(opened, lines) }
}

/** Reads the lines of a Statement and holds them against it. @throws {HanseError} HANSE_STATEMENT_* */
export function readLines(
  { value }: Named<Statement>,
  lines: readonly Uint8Array[],
): { readonly lines: readonly StatementLine[] } {
  if (lines.length !== value.sessions) {
    throw new HanseError('HANSE_STATEMENT_ROOT', `${lines.length} lines for ${value.sessions}`)
  }
  if (lines.some((line) => line.byteLength > LINE_BYTES_MAX)) {
    throw new HanseError('HANSE_STATEMENT_LINE', `a line of more than ${LINE_BYTES_MAX} bytes`)
  }
  // The root first: what both signed is what they are answerable for, right or wrong.
  if (!bytesEqual(rootOfLeaves(lines.map(leafHash)), value.root)) {
    throw new HanseError('HANSE_STATEMENT_ROOT', 'the lines are not those of the statement')
  }
  const read = lines.map(decodeLine)
  if (new Set(read.map(({ order }) => keyOf(order))).size !== read.length) {
    throw new HanseError('HANSE_STATEMENT_LINE', 'a session is in it twice')
  }
  const accepted = read.map(({ acceptedAt }) => acceptedAt)
  if (Math.min(...accepted) !== value.from || Math.max(...accepted) !== value.to) {
    throw new HanseError('HANSE_STATEMENT_TOTALS', 'it covers another time than its sessions')
  }
  const sum = totalsOf(read)
  // Without the one before it, all that can be said is that it holds at least its own sessions.
  const fits = value.sequence === 0n ? isSame(sum, value) : isWithin(sum, value)
  if (!fits) throw new HanseError('HANSE_STATEMENT_TOTALS', 'its sessions sum to something else')
  return { lines: read }
}

/**
 * Holds a Statement against the one before it in its lane.
 *
 * @throws {HanseError} HANSE_STATEMENT_SEQUENCE, HANSE_STATEMENT_TOTALS
 */
export function checkFollows(
  { value, lines }: OpenStatement,
  before: Named<Statement> | undefined,
): void {
  const follows =
    before === undefined
      ? value.previous === null
      : value.previous?.equals(before.cid) === true &&
        value.sequence === before.value.sequence + 1n &&
        isSameLane(value, before.value)
  if (!follows) {
    throw new HanseError(
      'HANSE_STATEMENT_SEQUENCE',
      `statement ${value.sequence} of lane ${value.lane} does not follow`,
    )
  }
  if (!isSame(add(before?.value ?? NOTHING, totalsOf(lines)), value)) {
    throw new HanseError('HANSE_STATEMENT_TOTALS', 'its totals are not those before and its own')
  }
}

export function isSameLane(a: LaneTerms, b: LaneTerms): boolean {
  return (
    a.lane === b.lane &&
    a.consumer === b.consumer &&
    a.provider === b.provider &&
    a.authorization.equals(b.authorization) &&
    isSameResidency(a.residency, b.residency)
  )
}

/** The hashes that prove one line of a Statement, from the leaf up. */
export function proveLine(lines: readonly Uint8Array[], index: number): Uint8Array[] {
  return proveInclusion(lines.map(leafHash), BigInt(index))
}

/** Of a CID, to compare by: base32 would cost more than all the hashes. */
function keyOf({ multihash }: CID): string {
  return String.fromCharCode(...multihash.digest)
}

interface Totals {
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly amount: PicoEuro
}

const NOTHING: Totals = { inputTokens: 0n, outputTokens: 0n, amount: picoEuro(0n) }

function totalsOf(lines: readonly StatementLine[]): Totals {
  let { inputTokens, outputTokens }: Totals = NOTHING
  let amount = 0n
  for (const line of lines) {
    inputTokens += line.inputTokens
    outputTokens += line.outputTokens
    amount += line.amount
  }
  return { inputTokens, outputTokens, amount: picoEuro(amount) }
}

function add(a: Totals, b: Totals): Totals {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    amount: picoEuro(a.amount + b.amount),
  }
}

function isSame(a: Totals, b: Totals): boolean {
  return (
    a.inputTokens === b.inputTokens && a.outputTokens === b.outputTokens && a.amount === b.amount
  )
}

function isWithin(a: Totals, b: Totals): boolean {
  return a.inputTokens <= b.inputTokens && a.outputTokens <= b.outputTokens && a.amount <= b.amount
}

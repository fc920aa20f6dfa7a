import type { CID } from 'multiformats/cid'
import { HanseError } from '../errors.ts'
import { type PicoEuro, picoEuro } from '../money.ts'
import type { Receipt } from '../receipt/receipt.ts'
import { MODEL_ID_BYTES_MAX, MODEL_ID_PATTERN } from '../record/fields.ts'
import type { Named } from '../record/record.ts'
import { FINAL_REASONS, type FinalReason } from '../session/reasons.ts'
import type { Acceptance, Order } from '../session/records.ts'
import { encodeCanonical } from '../wire.ts'
import { LineReader } from './line-reader.ts'

/** One session in a Statement: what its final receipt says, and which order it was for. */
export interface StatementLine {
  /** CID of the Order, which names the session. */
  readonly order: CID
  /** CID of the final Receipt, which both sides signed. */
  readonly receipt: CID
  readonly model: string
  /** Of the receipt. */
  readonly sequence: bigint
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly outputTokens: bigint
  /** Pico-euro. */
  readonly amount: PicoEuro
  /** When the order was accepted, milliseconds since 1970. */
  readonly acceptedAt: number
  readonly final: FinalReason
}

/** What a Statement says of a session; `undefined` when its last receipt is not a final one. */
export function lineOfSession(
  ordered: Named<Order>,
  accepted: Acceptance,
  last: Named<Receipt>,
): StatementLine | undefined {
  const { final, sequence, inputTokens, cachedInputTokens, outputTokens, amount } = last.value
  if (final === null) return undefined
  return {
    order: ordered.cid,
    receipt: last.cid,
    model: ordered.value.model,
    sequence,
    inputTokens,
    cachedInputTokens,
    outputTokens,
    amount,
    acceptedAt: accepted.at,
    final,
  }
}

/** Two links, a model's name and seven numbers; the longest there is has 284 bytes. */
export const LINE_BYTES_MAX = 320

/** A leaf of the Statement's tree: the canonical DAG-CBOR list of the fields in their order. */
export function encodeLine(line: StatementLine): Uint8Array {
  return encodeCanonical([
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
  ])
}

/**
 * Reads a line and refuses any other bytes than `encodeLine` makes. Settlement reads two hundred for every two signatures
 * that it checks, so this is its own reader and not the general one; a test holds them against each other.
 *
 * @throws {HanseError} HANSE_STATEMENT_LINE
 */
export function decodeLine(bytes: Uint8Array): StatementLine {
  const reader = new LineReader(bytes)
  reader.listOf(10)
  const line = {
    order: reader.link(),
    receipt: reader.link(),
    model: reader.text(MODEL_ID_BYTES_MAX),
    sequence: reader.counter(),
    inputTokens: reader.counter(),
    cachedInputTokens: reader.counter(),
    outputTokens: reader.counter(),
    amount: picoEuro(reader.counter()),
    acceptedAt: Number(reader.counter()),
    final: reader.text(32) as FinalReason,
  }
  reader.end()
  if (!MODEL_ID_PATTERN.test(line.model)) malformed('the model is no model id')
  if (!(FINAL_REASONS as readonly string[]).includes(line.final)) malformed('no final reason')
  if (line.acceptedAt > 8.64e15) malformed('no time')
  if (line.cachedInputTokens > line.inputTokens) malformed('more cached than input tokens')
  return line
}

function malformed(message: string): never {
  throw new HanseError('HANSE_STATEMENT_LINE', message)
}

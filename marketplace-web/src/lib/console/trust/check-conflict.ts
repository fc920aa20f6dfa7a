import {
  decodeCanonical,
  decodeLine,
  HanseError,
  receipt,
  type SignedRecord,
  statement,
} from '@hanse/protocol'
import { checkReceipt } from '#lib/verify/check.ts'

/** One of two truths under one number, read out of what was signed. */
export type ConflictSide = {
  readonly cid: string
  readonly kind: 'receipt' | 'statement'
  readonly amount: bigint
  readonly outputTokens: bigint | undefined
  readonly at: number | undefined
  /** Whose signature holds. */
  readonly provider: boolean
  readonly consumer: boolean
}

type Evidence = {
  readonly session?: string
  readonly receipts?: readonly {
    readonly cid: string
    readonly receipt?: SignedRecord
    readonly statement?: SignedRecord | null
    readonly lines?: readonly Uint8Array[] | null
  }[]
  readonly statements?: readonly { readonly cid: string; readonly statement: SignedRecord }[]
}

/** Two receipts with their session, or two Statements with all of their lines. */
const bytesMax = 32 * 1024 * 1024

/** Both sides of a conflict, with the signatures checked here. @throws {HanseError} when it is no evidence */
export function readConflict(bytes: Uint8Array, network: string): ConflictSide[] {
  const evidence = decodeCanonical(bytes, bytesMax) as Evidence
  if (evidence.statements !== undefined)
    return evidence.statements.map(({ cid, statement: signed }) => stated(cid, signed))
  return (evidence.receipts ?? []).map((one) => {
    if (one.receipt !== undefined) return signedSide(one.cid, one.receipt, network)
    if (one.statement) return lineSide(one.cid, one.statement, one.lines ?? [])
    throw new HanseError('HANSE_RECORD_FIELDS', 'evidence without a receipt')
  })
}

function signedSide(cid: string, signed: SignedRecord, network: string): ConflictSide {
  const { amount, outputTokens, at } = receipt.decode(signed.bytes)
  const { lines } = checkReceipt(signed, { network })
  const isGood = (id: string) => lines.some((line) => line.id === id && line.status === 'ok')
  return {
    cid,
    kind: 'receipt',
    amount,
    outputTokens,
    at,
    provider: isGood('provider'),
    consumer: isGood('consumer'),
  }
}

const stated = (cid: string, signed: SignedRecord): ConflictSide => ({
  cid,
  kind: 'statement',
  amount: statement.decode(signed.bytes).amount,
  outputTokens: undefined,
  at: undefined,
  ...signersOf(signed),
})

function lineSide(cid: string, signed: SignedRecord, lines: readonly Uint8Array[]): ConflictSide {
  const line = lines.map((one) => decodeLine(one)).find((one) => one.receipt.toString() === cid)
  return {
    ...stated(cid, signed),
    ...(line !== undefined && { amount: line.amount, outputTokens: line.outputTokens }),
  }
}

/** Of a Statement it is told who signed; settlement has verified that when it took it. */
const signersOf = ({ signatures }: SignedRecord) => ({
  provider: signatures.some(({ role }) => role === 'provider'),
  consumer: signatures.some(({ role }) => role === 'consumer'),
})

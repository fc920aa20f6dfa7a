import { receipt } from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import type { Claim } from '../receipts/claim.ts'
import { verifyReceipts } from '../receipts/ingest.ts'
import { decodeSigned, readSubmissions } from '../receipts/submission.ts'
import { isRefused } from '../receipts/verified.ts'
import type { ShownReceipt } from './timing-store.ts'

export interface Timed {
  /** Sessions whose times are known now, and were not before. */
  readonly timed: string[]
  /** Items that do not hold, by their place. */
  readonly refused: { readonly item: number; readonly code: string; readonly message: string }[]
}

/**
 * Takes last receipts, as for `/v1/receipts`, for the times in them.
 *
 * @throws {HanseError} HANSE_RECORD_*, HANSE_REQUEST_INVALID when it is no batch
 */
export async function timeSessions(
  { store, signer, network, now, terms }: SettlementContext,
  organization: string,
  body: Uint8Array,
): Promise<Timed> {
  const at = now()
  const verified = await verifyReceipts(readSubmissions(body), {
    network,
    settlement: signer.peerId,
    trustedAttestors: [signer.peerId],
    now: at,
    receiptGraceMs: terms.receiptGraceMs,
  })
  const shown = verified.flatMap((item) => (isRefused(item) ? [] : shownBy(item)))
  const refused = verified.flatMap((item, i) =>
    isRefused(item) ? [{ item: i, code: item.code, message: item.message }] : [],
  )
  return { timed: await store.timeSessions(organization, shown, at), refused }
}

function shownBy({ session, receipt: cid, acceptedAt, evidence }: Claim): ShownReceipt[] {
  if (evidence === null) return []
  const { signedReceipt: signed } = evidence
  const { at } = receipt.decode(decodeSigned(signed).bytes)
  return at < acceptedAt ? [] : [{ session, receipt: cid, durationMs: at - acceptedAt, signed }]
}

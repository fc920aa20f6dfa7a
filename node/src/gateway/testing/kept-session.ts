import { randomBytes } from 'node:crypto'
import { picoEuro, type SignedRecord } from '@hanse/protocol'
import {
  makeAcceptance,
  makeOrder,
  makeReceipts,
  NOW,
  type provider,
} from '@hanse/protocol/testing'
import type { NodeStore } from '../../store/node-store.ts'
import type { SessionTiming } from '../../store/note-store.ts'

export interface KeptSession {
  readonly at?: number
  readonly model?: string
  /** Peer id. */
  readonly provider?: string
  /** What the last receipt says, pico-euro; no receipt at all when it is `undefined`. */
  readonly amount: bigint | undefined
  /** Told that the order was signed, in the turn in which it is kept. */
  readonly begin?: (session: string) => void
  readonly isEnded?: boolean
  /** What pays for it; nothing when absent. */
  readonly authorization?: SignedRecord
  readonly timing?: SessionTiming
}

/** Keeps a session of a consumer’s as it is kept while it runs: two receipts, of which the last one counts. */
export function keepSession(
  store: NodeStore,
  {
    at = NOW,
    model,
    provider: seller,
    amount,
    begin,
    isEnded = true,
    authorization,
    timing,
  }: KeptSession,
): string {
  const order = makeOrder({
    nonce: new Uint8Array(randomBytes(16)),
    authorization: null,
    ...(model === undefined ? {} : { model }),
    ...(seller === undefined ? {} : { provider: seller as typeof provider.peerId }),
  })
  const session = order.cid.toString()
  begin?.(session)
  store.beginSession('consumer', order, authorization ?? null, at)
  if (amount !== undefined) {
    const said = makeReceipts(order, makeAcceptance(order), 2, (value, i) => ({
      ...value,
      amount: picoEuro(i === 0 ? amount / 2n : amount),
    }))
    for (const receipt of said) void store.saveReceipt(session, receipt)
  }
  if (isEnded) store.endSession(session, 'completed', at, timing)
  return session
}

import assert from 'node:assert/strict'
import {
  makeAcceptance,
  makeAttestation,
  makeAuthorization,
  makeOffer,
  makeOrder,
  makeReceipts,
  NOW,
} from '@hanse/protocol/testing'
import type { SessionStore } from '../consumer-parts.ts'

export const orderOf = (nonce: number) => makeOrder({ nonce: new Uint8Array(16).fill(nonce) })
export const authorization = makeAuthorization()

/** What a consumer does with its store in one session. @returns its name */
export async function buy(
  store: SessionStore,
  {
    nonce = 1,
    receipts = 3,
    end = true,
  }: { nonce?: number; receipts?: number; end?: boolean } = {},
): Promise<string> {
  const ordered = orderOf(nonce)
  const accepted = makeAcceptance(ordered)
  const session = ordered.cid.toString()
  store.putAuthorization(authorization)
  store.putOffer(makeOffer(), [makeAttestation()])
  assert.equal(store.beginSession('consumer', ordered, authorization, NOW + nonce), true)
  assert.equal(store.beginSession('consumer', ordered, authorization, NOW + nonce), false)
  store.setAcceptance(session, accepted)
  await store.committed()
  for (const receipt of makeReceipts(ordered, accepted, 3).slice(0, receipts))
    await store.saveReceipt(session, receipt)
  if (end) store.endSession(session, 'completed', NOW + 10_000)
  return session
}

import assert from 'node:assert/strict'
import type { NodeStore } from '@hanse/node'
import {
  bytesEqual,
  cidOf,
  commit,
  EMPTY_TRANSCRIPT,
  exportBundle,
  extendTranscript,
  priceTokens,
  type Receipt,
  receipt,
  verifyBundle,
} from '@hanse/protocol'
import { NETWORK } from './seller.ts'
import { type Tapped, tokensOf } from './wiretap.ts'

export interface Proven {
  /** Of the last receipt that both have signed, pico-euro. */
  readonly amount: bigint
  /** What came of the answer, and what of that no receipt tells, tokens. */
  readonly delivered: number
  readonly unreceipted: number
}

/**
 * That a session's last receipt says what its provider delivered: it commits to the first of the very payloads that came, is
 * their tokens times the price, and what came after it is less than a credit window.
 *
 * @param exact the session was ended in order: its last receipt tells of all that came
 */
export function proveReceipts(store: NodeStore, tapped: Tapped, exact: boolean): Proven {
  const { session, order, delivered } = tapped
  const last = lastReceipt(store, session)
  const tokens = tokensOf(delivered)
  if (last === undefined) {
    assert.ok(!exact, `${session} ended without a receipt`)
    assert.ok(
      priceTokens(order, { inputTokens: 0n, outputTokens: BigInt(tokens) }) <= order.creditWindow,
    )
    return { amount: 0n, delivered: tokens, unreceipted: tokens }
  }
  const secret = store.opening(session)?.secret
  assert.ok(secret !== undefined)
  const told = prefixes(delivered).filter(({ transcript }) =>
    bytesEqual(last.transcript, commit(secret, { receipt: last.sequence }, transcript)),
  )
  assert.equal(told.length, 1, `${session}: the transcript is of what came`)
  assert.equal(BigInt(told[0]?.tokens ?? -1), last.outputTokens, `${session}: its tokens`)
  assert.equal(last.amount, priceTokens(order, last), `${session}: tokens times price`)
  const unreceipted = tokens - Number(last.outputTokens)
  const owed = priceTokens(order, { inputTokens: 0n, outputTokens: BigInt(unreceipted) })
  assert.ok(owed <= order.creditWindow, `${session}: ${unreceipted} tokens beyond the receipt`)
  if (exact) {
    assert.notEqual(last.final, null, `${session} ended in order`)
    assert.equal(unreceipted, 0, `${session}: all that came is on the receipt`)
    assert.equal(told[0]?.payloads, delivered.length)
  }
  return { amount: last.amount, delivered: tokens, unreceipted }
}

/**
 * That both sides have the same receipts.
 *
 * @param cut the provider, or the line to it, was gone at once: the consumer signs first, and the provider may not have got the
 *   last signature
 * @returns how many receipts the provider lacks
 */
export function proveSameReceipts(
  { session }: Pick<Tapped, 'session'>,
  consumer: NodeStore,
  provider: NodeStore,
  cut: boolean,
): number {
  const ours = cidsOf(consumer, session)
  const theirs = cidsOf(provider, session)
  assert.deepEqual(theirs, ours.slice(0, theirs.length), `${session}: one chain of receipts`)
  const lacking = ours.length - theirs.length
  assert.ok(lacking <= (cut ? 1 : 0), `${session}: the provider lacks ${lacking} receipts`)
  return lacking
}

/** That bundles of the sessions verify, and each but the first says which one it goes on with. */
export function proveBundles(store: NodeStore, sessions: readonly string[]): void {
  for (const [at, session] of sessions.entries()) {
    const evidence = store.evidence(session, NETWORK)
    // A provider that was gone before its first receipt left nothing to prove.
    if (evidence === undefined) continue
    const { verified, summary, checks } = verifyBundle(exportBundle(evidence))
    assert.ok(verified, JSON.stringify(checks.at(-1)))
    assert.equal(summary?.continues ?? undefined, sessions[at - 1], `${session} goes on with it`)
  }
}

function prefixes(delivered: Tapped['delivered']) {
  let transcript = EMPTY_TRANSCRIPT
  let tokens = 0
  const all = [{ transcript, tokens, payloads: 0 }]
  for (const [at, [count, payload]] of delivered.entries()) {
    transcript = extendTranscript(transcript, payload)
    tokens += count
    all.push({ transcript, tokens, payloads: at + 1 })
  }
  return all
}

function lastReceipt(store: NodeStore, session: string): Receipt | undefined {
  const signed = store.receipts(session).at(-1)
  return signed === undefined ? undefined : receipt.decode(signed.bytes)
}

function cidsOf(store: NodeStore, session: string): string[] {
  return store.receipts(session).map(({ bytes }) => cidOf(bytes).toString())
}

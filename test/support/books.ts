import assert from 'node:assert/strict'
import { join } from 'node:path'
import { NodeStore } from '@hanse/node'
import { cidOf } from '@hanse/protocol'
import type { Market } from '../../scripts/demo/market.ts'

/**
 * Compares what a market's three parties have written down, after its gateway and providers have stopped: every amount that
 * both sides signed is booked, once, and nothing else is.
 *
 * @param unsecured peer ids of providers that sold on credit: settlement is told, and takes nothing of that
 * @returns the sessions that were paid for, and their sum, pico-euro
 */
export async function compareBooks(
  market: Market,
  stateDir: string,
  unsecured: readonly string[] = [],
): Promise<{ sessions: number; amount: bigint }> {
  using gateway = new NodeStore(join(stateDir, 'gateway', 'node.db'))
  const onCredit = (session: string) => unsecured.includes(gateway.session(session)?.peer ?? '')
  const untold = gateway.outbox().filter(({ session }) => !onCredit(session))
  assert.deepEqual(untold, [], 'the consumer has told of everything, and nothing was refused')
  const bought = gateway.sessions({ limit: 10_000 }).filter(({ session }) => !onCredit(session))
  let amount = 0n
  let paid = 0
  for (const { session, amount: last } of bought) {
    if (last === 0n) continue
    paid++
    amount += last
    const response = await fetch(`${market.settlementUrl}/v1/receipts/${session}`)
    const booked = (await response.json()) as { amount: string }
    assert.equal(booked.amount, last.toString(), `${session} is booked as its last receipt says`)
  }
  const stores = [...market.providers.keys()].map(
    (name) => [name, new NodeStore(join(stateDir, name, 'node.db'))] as const,
  )
  try {
    for (const [name, store] of stores) {
      assert.deepEqual(
        store.outbox(),
        [],
        `${name} has told of everything, and nothing was refused`,
      )
      for (const { session, endedAt, amount: last } of store.sessions({ limit: 10_000 })) {
        assert.ok(endedAt !== undefined, `${session} has ended for ${name}`)
        const ours = receiptsOf(store, session)
        const theirs = receiptsOf(gateway, session)
        // Signed by the consumer first: what a crash keeps from the provider is the last at most.
        assert.deepEqual(ours, theirs.slice(0, ours.length), `${session}: one chain of receipts`)
        assert.ok(last <= (gateway.session(session)?.amount ?? 0n), `${session}: ${last}`)
      }
    }
  } finally {
    for (const [, store] of stores) store[Symbol.dispose]()
  }
  const entries = await market.operator.allEntries()
  const spent = entries
    .filter(({ kind }) => kind === 'usage' || kind === 'platform_fee')
    .reduce((sum, entry) => sum + BigInt(entry.amount), 0n)
  assert.equal(spent, amount, 'the ledger has booked the last receipts, each once')
  assert.equal((await market.operator.checkLedger()).balanced, true)
  return { sessions: paid, amount }
}

function receiptsOf(store: NodeStore, session: string): string[] {
  return store.receipts(session).map(({ bytes }) => cidOf(bytes).toString())
}

// IndexedDB itself is tried in Chromium: test/browser/sdk.test.ts. Here it is a Map that can be slow, or full.
import assert from 'node:assert/strict'
import { NETWORK } from '@hanse/protocol/testing'
import { describe, test } from 'vitest'
import { PageStore, type SessionShelf } from './page-store.ts'
import { buy, orderOf } from './testing/buy.ts'

/** @param change what happens before each batch is written */
function shelfOf(change: () => void | Promise<void> = () => {}) {
  const kept = new Map<string, Uint8Array>()
  const batches: number[] = []
  const shelf: SessionShelf = {
    all: async () => [...kept.values()],
    change: async (_, changes) => {
      await change()
      batches.push(changes.length)
      for (const [key, value] of changes) {
        if (value === undefined) kept.delete(key)
        else kept.set(key, value)
      }
    },
  }
  return { shelf, kept, batches }
}

describe('a page store', () => {
  test('has an order on the shelf before it leaves, and everything once it is closed', async () => {
    const { shelf, kept } = shelfOf()
    const store = new PageStore(shelf)
    const cut = await buy(store, { nonce: 1, receipts: 0, end: false })
    assert.ok(kept.has(cut))
    const whole = await buy(store, { nonce: 2 })
    await store[Symbol.asyncDispose]()

    const again = new PageStore(shelf)
    await again.load()
    assert.equal(again.session(cut)?.reason, 'crashed')
    assert.deepEqual(again.session(whole), store.session(whole))
    assert.deepEqual(again.evidence(whole, NETWORK)?.receipts.length, 3)
  })

  test('writes what changes during a write together, in one batch', async () => {
    const gate = Promise.withResolvers<void>()
    const { shelf, batches } = shelfOf(async () => await gate.promise)
    const store = new PageStore(shelf)
    const buying = [1, 2, 3].map(async (nonce) => await buy(store, { nonce }))
    gate.resolve()
    await Promise.all(buying)
    await store[Symbol.asyncDispose]()
    assert.deepEqual(batches.slice(0, 1), [3])
    assert.ok(batches.length <= 4, `${batches.length} batches`)
  })

  test('refuses to order when the shelf is full, and goes on once it is not', async () => {
    let full = true
    const { shelf, kept } = shelfOf(() => {
      if (full) throw new Error('QuotaExceededError')
    })
    const store = new PageStore(shelf)
    await assert.rejects(buy(store, { nonce: 1 }), { code: 'HANSE_DISK_FULL' })
    full = false
    const session = await buy(store, { nonce: 2 })
    await store[Symbol.asyncDispose]()
    assert.ok(kept.has(session))
    assert.ok(kept.has(orderOf(1).cid.toString()), 'what could not be written then')
  })

  test('forgets the oldest ended sessions on the shelf, too, and after a reload in the same order', async () => {
    const { shelf, kept } = shelfOf()
    const few = { sessionsMax: 2 }
    const store = new PageStore(shelf, few)
    for (const nonce of [3, 1, 2]) await buy(store, { nonce })
    await store[Symbol.asyncDispose]()
    const names = (nonces: readonly number[]) =>
      nonces.map((nonce) => orderOf(nonce).cid.toString()).toSorted()
    assert.deepEqual([...kept.keys()].toSorted(), names([1, 2]))

    const again = new PageStore(shelf, few)
    await again.load()
    await buy(again, { nonce: 4 })
    await again[Symbol.asyncDispose]()
    assert.deepEqual([...kept.keys()].toSorted(), names([2, 4]))
  })
})

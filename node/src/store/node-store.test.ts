import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportBundle, verifyBundle } from '@hanse/protocol'
import {
  makeAcceptance,
  makeAttestation,
  makeAuthorization,
  makeOffer,
  makeOrder,
  makeReceipts,
  NETWORK,
  NOW,
} from '@hanse/protocol/testing'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { NodeStore, type SessionRole } from './node-store.ts'

const order = makeOrder()
const accepted = makeAcceptance(order)
const authorization = makeAuthorization()
const receipts = makeReceipts(order, accepted)

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-store-'))
  path = join(folder, 'node.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a session that was kept', () => {
  test('comes back, after a restart too, as a bundle that verifies', () => {
    const session = withStore((store) => keepSession(store, 'consumer'))
    withStore((store) => {
      const evidence = store.evidence(session, NETWORK)
      assert.ok(evidence !== undefined)
      assert.equal(verifyBundle(exportBundle(evidence)).verified, true)
      const row = store.session(session)
      assert.equal(row?.receipts, receipts.length)
      assert.equal(row?.reason, 'completed')
    })
  })

  test('begins once: the same order again is a replay', () => {
    withStore((store) => {
      keepSession(store, 'provider')
      assert.equal(store.beginSession('provider', order, authorization, NOW), false)
    })
  })

  test('is told to the log of sessions in the same way at its end as after a restart', () => {
    const [session, atEnd] = withStore((store) => {
      const kept = keepSession(store, 'provider', { ended: false })
      assert.equal(store.sessionEnd(kept)?.endedAt, undefined)
      store.endSession(kept, 'completed', NOW)
      store.endSession(kept, 'cancelled', NOW + 1)
      return [kept, store.sessionEnd(kept)] as const
    })
    const afterwards = withStore((store) => store.sessionEnd(session))
    assert.deepEqual(
      { ...atEnd, last: atEnd?.last.bytes },
      { ...afterwards, last: afterwards?.last.bytes },
    )
    assert.equal(atEnd?.endedAt, NOW)
  })

  test('counts against its authorization by its last receipt alone', () => {
    withStore((store) => {
      keepSession(store, 'provider')
      const spent = store.spentUnder(authorization.cid.toString())
      assert.equal(spent, receipts.at(-1)?.value.amount)
    })
  })
})

describe('the outbox', () => {
  test('holds only ended sessions, and the last receipt of each', () => {
    withStore((store) => {
      const session = keepSession(store, 'provider', { ended: false })
      assert.deepEqual(store.dueSubmissions(NOW, 10), [])
      assert.equal(store.endAbandoned(NOW), 1)
      const [due] = store.dueSubmissions(NOW, 10)
      assert.equal(due?.session, session)
      assert.deepEqual(due?.receipt.bytes, receipts.at(-1)?.bytes)
      assert.equal(due?.attestation?.signatures[0]?.role, 'attestor')
    })
  })

  test('waits longer after every failure, and forgets what is acknowledged', () => {
    withStore((store) => {
      const session = keepSession(store, 'provider')
      for (const wait of [1_000, 2_000, 4_000]) {
        store.submissionFailed(session, NOW)
        assert.equal(store.dueSubmissions(NOW + wait - 1, 10).length, 0)
        assert.equal(store.dueSubmissions(NOW + wait, 10).length, 1)
      }
      const [due] = store.dueSubmissions(NOW + 10_000, 10)
      assert.ok(due !== undefined)
      store.submissionDone(session, due.sequence - 1n)
      assert.equal(store.outbox().length, 1, 'an answer about an older receipt removes nothing')
      store.submissionDone(session, due.sequence)
      assert.deepEqual(store.outbox(), [])
    })
  })

  test('keeps what settlement refused, with its code, and does not send it again', () => {
    withStore((store) => {
      const session = keepSession(store, 'provider')
      const [due] = store.dueSubmissions(NOW, 10)
      store.submissionRefused(session, due?.sequence ?? 0n, 'HANSE_RECEIPT_EXPIRED')
      assert.deepEqual(store.dueSubmissions(NOW + 1e9, 10), [])
      assert.deepEqual(store.outbox(), [{ session, attempts: 0, refused: 'HANSE_RECEIPT_EXPIRED' }])
    })
  })
})

/** Keeps the fixtures' session as a node would while it runs. @returns its name */
function keepSession(store: NodeStore, role: SessionRole, { ended = true } = {}): string {
  const session = order.cid.toString()
  store.putOffer(makeOffer(), [makeAttestation()])
  assert.equal(store.beginSession(role, order, authorization, NOW), true)
  store.setAcceptance(session, accepted)
  for (const receipt of receipts) void store.saveReceipt(session, receipt)
  if (ended) store.endSession(session, 'completed', NOW)
  return session
}

function withStore<Result>(use: (store: NodeStore) => Result): Result {
  using store = new NodeStore(path)
  return use(store)
}

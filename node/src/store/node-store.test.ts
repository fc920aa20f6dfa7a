import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  exportBundle,
  type FinalReason,
  picoEuro,
  type Receipt,
  verifyBundle,
} from '@hanse/protocol'
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
import { pack } from './database.ts'
import { migrationOf } from './migration.ts'
import { NodeStore, type SessionRole } from './node-store.ts'
import { MIGRATIONS } from './schema.ts'

const order = makeOrder()
const accepted = makeAcceptance(order)
const authorization = makeAuthorization()
const receipts = makeReceipts(order, accepted)
const FREE = picoEuro(0n)

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

  test('comes back from a file of any older schema', () => {
    for (let version = 1; version < MIGRATIONS.length; version++) {
      const older = join(folder, `${version}.db`)
      {
        using db = new DatabaseSync(older)
        migrationOf(MIGRATIONS.slice(0, version))(db)
        keepOld(db)
      }
      {
        using store = new NodeStore(older)
        const evidence = store.evidence(order.cid.toString(), NETWORK)
        assert.ok(evidence !== undefined)
        assert.equal(verifyBundle(exportBundle(evidence)).verified, true)
        assert.equal(store.beginSession('provider', order, authorization, NOW), false)
      }
      // What rests on rows of the tables that were made anew is checked as before.
      using db = new DatabaseSync(older)
      assert.deepEqual(db.prepare('pragma foreign_key_check').all(), [])
      for (const wrong of [
        "insert into receipt values ('no', 0, 0, x'', 0, 0)",
        'delete from record',
      ])
        assert.throws(() => db.prepare(wrong).run(), /FOREIGN KEY/u)
    }
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

  test('tells of an answer that cost nothing only where a provider that is paid has failed it', () => {
    const isTold = (final: FinalReason, paid: typeof authorization | null) =>
      withStore((store) => {
        const nonce = new Uint8Array(16).fill(50 + store.outbox().length)
        const ordered = makeOrder({
          nonce,
          inputPrice: FREE,
          outputPrice: FREE,
          model: `m/${final}`,
        })
        const answered = makeAcceptance(ordered)
        const change = (value: Receipt) => ({ ...value, final })
        const [last] = makeReceipts(ordered, answered, 1, change)
        assert.equal(last?.value.amount, 0n)
        store.putOffer(makeOffer(), [makeAttestation()])
        const began = store.beginSession('consumer', ordered, paid, NOW)
        store.setAcceptance(ordered.cid.toString(), answered)
        if (began) void store.saveReceipt(ordered.cid.toString(), last)
        return began && store.outbox().some(({ session }) => session === ordered.cid.toString())
      })
    assert.equal(isTold('draining', null), false)
    assert.equal(isTold('engine-failed', authorization), true)
    assert.equal(isTold('completed', authorization), false)
    assert.equal(isTold('cancelled', authorization), false)
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

/** The fixtures' session in tables as the first release had them. */
function keepOld(db: DatabaseSync): void {
  const session = order.cid.toString()
  const offer = makeOffer()
  const attestation = makeAttestation()
  const put = db.prepare('insert into record (cid, signed) values (?, ?)')
  for (const record of [offer, attestation, authorization, order, accepted])
    put.run(record.cid.toString(), pack(record))
  const cids = [offer, attestation, accepted, authorization].map(({ cid }) => cid.toString())
  const [offered = '', attested = '', acceptance = '', authorized = ''] = cids
  db.prepare('insert into offer_attestation values (?, ?)').run(offered, attested)
  db.prepare(
    `insert into session (session, role, peer, model, offer, acceptance, authorization, started_at)
     values (?, 'provider', ?, ?, ?, ?, ?, ?)`,
  ).run(session, order.value.consumer, order.value.model, offered, acceptance, authorized, NOW)
  for (const { value, ...signed } of receipts) {
    db.prepare('insert into receipt (session, sequence, amount, signed) values (?, ?, ?, ?)').run(
      session,
      value.sequence,
      value.amount,
      pack(signed),
    )
  }
}

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

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import {
  auditTiles,
  HanseError,
  leafCommitment,
  openCheckpoint,
  type SignedRecord,
  verifyProof,
} from '@hanse/protocol'
import {
  consumer,
  makeAcceptance,
  makeAuthorization,
  makeOrder,
  makeReceipts,
  NOW,
  provider,
} from '@hanse/protocol/testing'
import Fastify from 'fastify'
import { pino } from 'pino'
import { describe, test } from 'vitest'
import { faultOfServer } from '../gateway/error-handler.ts'
import { registerLog } from '../gateway/log-routes.ts'
import { NodeStore } from '../store/node-store.ts'
import { AuditLog, type AuditLogOptions } from './audit-log.ts'
import { proveEntry } from './prove-entry.ts'
import { openLogDatabase, storeSource, vkeyOf } from './sqlite-log-store.ts'
import { temporaryFolder } from './testing/log-folder.ts'
import { urlSource } from './url.ts'
import { verifyLog } from './verify-log.ts'

const node = { network: 'test net', peerId: consumer.peerId }
/** Long enough that only what a test does itself flushes. */
const NEVER_MS = 100_000

/** Keeps a session as a node would. @returns its name */
function keepSession(store: NodeStore, i: number, { receipts = true, ended = true } = {}): string {
  const order = makeOrder({
    nonce: Uint8Array.from({ length: 16 }, (_, at) => (at === 0 ? i : at)),
  })
  const session = order.cid.toString()
  const authorization: SignedRecord = makeAuthorization()
  store.beginSession('consumer', order, authorization, NOW + i)
  const accepted = makeAcceptance(order)
  store.setAcceptance(session, accepted)
  if (receipts)
    for (const receipt of makeReceipts(order, accepted)) void store.saveReceipt(session, receipt)
  if (ended) store.endSession(session, 'completed', NOW + i)
  return session
}

function openAudit(dataDir: string, store: NodeStore, options: Partial<AuditLogOptions> = {}) {
  return AuditLog.open(dataDir, node, {
    store,
    log: pino({ level: 'silent' }),
    now: () => NOW,
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
    everyMs: NEVER_MS,
    ...options,
  })
}

async function fsck(dataDir: string): Promise<bigint> {
  using db = openLogDatabase(`${dataDir}/log.db`)
  const vkey = vkeyOf(db, dataDir)
  const read = async (path: string) => {
    const row = db.prepare('select bytes from tile where path = ?').get(path)
    return row?.bytes as Uint8Array | undefined
  }
  const note = String(db.prepare('select checkpoint from head').get()?.checkpoint)
  const head = openCheckpoint(note, vkey)
  assert.deepEqual((await auditTiles(read, head)).disagreements, [])
  assert.equal(
    db.prepare('select count(*) as n from event where entry is not null').get()?.n,
    Number(head.size),
  )
  return head.size
}

describe('a node’s own log', () => {
  test('holds one commitment for each ended session with receipts, in order, each once', async () => {
    using folder = temporaryFolder()
    using store = new NodeStore(folder.at('node.db'))
    await using audit = await openAudit(folder.path, store)
    const sessions = [1, 2, 3].map((i) => keepSession(store, i))
    audit.record(keepSession(store, 4, { receipts: false }))
    for (const session of [...sessions, ...sessions, 'no session']) audit.record(session)
    assert.equal(audit.pendingCount(), 3)
    await audit.flush()
    assert.equal(await fsck(folder.path), 3n)
    for (const [i, session] of sessions.entries()) {
      const stored = audit.events.at(BigInt(i))
      assert.ok(stored !== undefined && stored.event.kind === 'session')
      assert.equal(stored.event.session.toString(), session)
      assert.equal(stored.event.at, NOW + i + 1)
      assert.deepEqual(leafCommitment(stored.salt, stored.body), stored.leaf)
      assert.equal(audit.events.unseal(stored.event.counterparty), provider.peerId)
      const { proof } = await proveEntry(storeSource('own', audit.store), BigInt(i))
      using db = openLogDatabase(folder.at('log.db'))
      verifyProof(proof, stored.leaf, { logKey: vkeyOf(db, 'own') })
    }
  })

  test('has its own key, which only its owner can read, and a name that fits any network', async () => {
    using folder = temporaryFolder()
    using store = new NodeStore(folder.at('node.db'))
    await using audit = await openAudit(folder.path, store)
    assert.equal(statSync(folder.at('log.key')).mode & 0o777, 0o600)
    const head = await audit.store.readCheckpoint()
    assert.equal(head?.split('\n')[0], `hanse/test%20net/${consumer.peerId}`)
  })

  test('flushes by itself: after a while, at 256 events, and at the end', async () => {
    using folder = temporaryFolder()
    using store = new NodeStore(folder.at('node.db'))
    {
      await using audit = await openAudit(folder.path, store, { everyMs: 20 })
      audit.record(keepSession(store, 1))
      while (audit.pendingCount() > 0) await new Promise((done) => setTimeout(done, 5))
    }
    {
      await using audit = await openAudit(folder.path, store)
      audit.record(keepSession(store, 2))
    }
    assert.equal(await fsck(folder.path), 2n)
  })

  test('finds sessions that ended unlogged, and integrates what was pending at a crash, once', async () => {
    using folder = temporaryFolder()
    using store = new NodeStore(folder.at('node.db'))
    const first = await openAudit(folder.path, store)
    first.record(keepSession(store, 1))
    assert.equal(first.pendingCount(), 1)
    // The process dies here: nothing is flushed, and a session ends that is not even added.
    keepSession(store, 2)
    keepSession(store, 3, { ended: false })
    await using second = await openAudit(folder.path, store)
    assert.equal(await fsck(folder.path), 2n)
    // The first one was not dead after all: what it believes to be pending has a place already.
    await first.flush()
    assert.equal(await fsck(folder.path), 2n)
    // Two processes, each with the same event to log: one of them finds that the other one did.
    second.record(keepSession(store, 4))
    assert.equal(second.pendingCount(), 1)
    const [a, b] = await Promise.allSettled([first.flush(), second.flush()])
    assert.deepEqual([a.status, b.status].toSorted(), ['fulfilled', 'rejected'])
    assert.equal(await fsck(folder.path), 3n)
    await first[Symbol.asyncDispose]()
  })

  test('keeps events pending while the log cannot be written, and never throws at a session', async () => {
    using folder = temporaryFolder()
    using store = new NodeStore(folder.at('node.db'))
    await using audit = await openAudit(folder.path, store)
    using db = openLogDatabase(folder.at('log.db'))
    db.prepare(
      "create trigger broken before insert on tile begin select raise(abort, 'disk full'); end",
    ).run()
    audit.record(keepSession(store, 1))
    await assert.rejects(audit.flush(), /disk full/u)
    assert.equal(audit.pendingCount(), 1)
    db.prepare('drop trigger broken').run()
    await audit.flush()
    assert.equal(await fsck(folder.path), 1n)
    db.prepare('drop table subject').run()
    audit.record(keepSession(store, 2))
  })

  test('erases a subject: nothing of it can be read again, and every proof still holds', async () => {
    using folder = temporaryFolder()
    using store = new NodeStore(folder.at('node.db'))
    await using audit = await openAudit(folder.path, store)
    audit.record(keepSession(store, 1))
    await audit.flush()
    using db = openLogDatabase(folder.at('log.db'))
    const key = Buffer.from(db.prepare('select key from subject').get()?.key as Uint8Array)
    assert.ok(onDisk(folder.at('log.db')).includes(key))
    assert.equal(audit.eraseSubject(provider.peerId), true)
    assert.equal(audit.eraseSubject(provider.peerId), false, 'there is nothing left')
    assert.ok(!onDisk(folder.at('log.db')).includes(key), 'not even in free pages')
    assert.ok(!onDisk(folder.at('log.db')).includes(Buffer.from(provider.peerId)))
    await audit.flush()
    const stored = audit.events.at(0n)
    assert.ok(stored !== undefined && stored.event.kind === 'session')
    assert.equal(audit.events.unseal(stored.event.counterparty), undefined)
    assert.equal(audit.events.at(1n)?.event.kind, 'erasure')
    const { proof } = await proveEntry(storeSource('own', audit.store), 0n)
    verifyProof(proof, leafCommitment(stored.salt, stored.body), { logKey: vkeyOf(db, 'own') })
    assert.equal(await fsck(folder.path), 2n)
  })

  test('is served as any tiled log, and verifies from outside', async () => {
    using folder = temporaryFolder()
    using store = new NodeStore(folder.at('node.db'))
    await using audit = await openAudit(folder.path, store)
    for (const i of [1, 2, 3]) audit.record(keepSession(store, i))
    await audit.flush()
    const app = Fastify()
    app.setErrorHandler(async (error, _request, reply) => {
      const { code } = faultOfServer(error)
      return await reply.status(code === 'HANSE_NOT_FOUND' ? 404 : 500).send(code)
    })
    registerLog(app, audit.store)
    try {
      const address = await app.listen({ host: '127.0.0.1', port: 0 })
      using db = openLogDatabase(folder.at('log.db'))
      const vkey = vkeyOf(db, 'own')
      const { report } = await verifyLog(urlSource(`${address}/log/`), { vkey })
      assert.deepEqual([report.verified, report.size], [true, 3n])
      const { headers } = await fetch(`${address}/log/tile/0/000.p/3`)
      assert.equal(headers.get('content-type'), 'application/octet-stream')
      assert.match(headers.get('cache-control') ?? '', /immutable/u)
      for (const path of ['tile/0/000', 'tile/', 'tile/x', 'log.key']) {
        assert.equal((await fetch(`${address}/log/${path}`)).status, 404, path)
      }
    } finally {
      await app.close()
    }
  })

  test('does not open with another key than the one that signed it', async () => {
    using folder = temporaryFolder()
    using store = new NodeStore(folder.at('node.db'))
    await (await openAudit(folder.path, store))[Symbol.asyncDispose]()
    const moved = AuditLog.open(
      folder.path,
      { ...node, peerId: provider.peerId },
      { store, log: pino({ level: 'silent' }), now: () => NOW, random: (n) => new Uint8Array(n) },
    )
    await assert.rejects(moved, (error) => error instanceof HanseError)
  })
})

/** All bytes of a database, the write-ahead log among them. */
function onDisk(path: string): Buffer {
  return Buffer.concat([readFileSync(path), readFileSync(`${path}-wal`)])
}

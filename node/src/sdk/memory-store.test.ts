import assert from 'node:assert/strict'
import { encodeCanonical, exportBundle, verifyBundle } from '@hanse/protocol'
import { codeOf, makeEvidence, NETWORK, NOW, provider, TRUST } from '@hanse/protocol/testing'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { NodeStore } from '../store/node-store.ts'
import { MemoryStore } from './memory-store.ts'
import { authorization, buy, orderOf } from './testing/buy.ts'

describe('memory keeps what the database of a node keeps', () => {
  test('of sessions, receipts, and what was spent under an authorization', async () => {
    using node = new NodeStore(':memory:')
    const memory = new MemoryStore()
    const views = await Promise.all(
      [node, memory].map(async (store) => {
        const sessions = [await buy(store), await buy(store, { nonce: 2, receipts: 1, end: false })]
        const cid = authorization.cid.toString()
        return {
          rows: store.sessions(),
          one: sessions.map((session) => store.session(session)),
          evidence: sessions.map((session) => store.evidence(session, NETWORK)),
          none: store.evidence(orderOf(9).cid.toString(), NETWORK),
          spent: store.spentUnder(cid),
          held: [NOW, NOW + 9e9].map(
            (until) => store.authorizations(provider.peerId, until).length,
          ),
        }
      }),
    )
    assert.deepEqual(plain(views[1]), plain(views[0]))
    assert.ok((views[1]?.spent ?? 0n) > 0n)
  })

  test('and its bundles verify', async () => {
    const memory = new MemoryStore()
    const evidence = memory.evidence(await buy(memory), NETWORK)
    assert.ok(evidence !== undefined)
    assert.deepEqual(plain(evidence), plain({ ...makeEvidence(), ...evidence }))
    assert.ok(verifyBundle(exportBundle(evidence), TRUST).verified)
  })
})

test('the oldest ended sessions are forgotten first, running ones never, and what they cost stays counted', async () => {
  const store = new MemoryStore({ sessionsMax: 2 })
  const running = await buy(store, { nonce: 1, end: false })
  const oldest = await buy(store, { nonce: 2 })
  const spent = store.spentUnder(authorization.cid.toString())
  const newest = await buy(store, { nonce: 3 })
  assert.deepEqual(
    store.sessions().map(({ session }) => session),
    [newest, running],
  )
  assert.equal(store.session(oldest), undefined)
  assert.ok(store.spentUnder(authorization.cid.toString()) > spent)
  assert.equal(store.forget(running), false)
  assert.equal(store.forget(newest), true)
})

describe('an export', () => {
  test('brings everything back but openings, and what still ran has crashed', async () => {
    const before = new MemoryStore()
    const done = await buy(before)
    const cut = await buy(before, { nonce: 2, receipts: 2, end: false })
    before.putOpening(done, { secret: new Uint8Array(32), request: undefined })
    const after = new MemoryStore()
    after.import(before.export(), NOW + 99)
    assert.deepEqual(plain(after.session(done)), plain(before.session(done)))
    assert.equal(after.session(cut)?.reason, 'crashed')
    assert.equal(after.session(cut)?.endedAt, NOW + 99)
    for (const session of [done, cut])
      assert.deepEqual(
        plain(after.evidence(session, NETWORK)),
        plain(before.evidence(session, NETWORK)),
      )
    assert.equal(after.opening(done), undefined)
    const cid = authorization.cid.toString()
    assert.equal(after.spentUnder(cid), before.spentUnder(cid))
  })

  test('of some sessions has just those', async () => {
    const before = new MemoryStore()
    const [one, other] = [await buy(before), await buy(before, { nonce: 2 })]
    const after = new MemoryStore()
    after.import(before.export([one]))
    assert.ok(after.session(one) !== undefined)
    assert.equal(after.session(other), undefined)
  })

  test('does not take the place of a longer chain', async () => {
    const longer = new MemoryStore()
    const session = await buy(longer)
    const shorter = new MemoryStore()
    await buy(shorter, { receipts: 1 })
    longer.import(shorter.export())
    assert.equal(longer.receipts(session).length, 3)
    shorter.import(longer.export())
    assert.equal(shorter.receipts(session).length, 3)
    const cid = authorization.cid.toString()
    assert.equal(shorter.spentUnder(cid), longer.spentUnder(cid))
  })

  test('that is none is refused by code, and nothing is added', async () => {
    const store = new MemoryStore()
    const full = new MemoryStore()
    await buy(full)
    const good = full.export()
    for (const bytes of [
      new Uint8Array(),
      encodeCanonical({ $type: 'hanse.consumer-snapshot.v1' }),
      good.slice(0, -1),
    ])
      assert.match(
        codeOf(() => store.import(bytes)),
        /^HANSE_RECORD_/u,
      )
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bad = Uint8Array.from(good)
        bad[at] = (bad[at] ?? 0) ^ change
        const once = new MemoryStore()
        const code = codeOf(() => once.import(bad))
        assert.ok(code === 'accepted' || code.startsWith('HANSE_'), code)
        if (code !== 'accepted') assert.deepEqual(once.sessions(), [])
      }),
      { numRuns: 300 },
    )
  })
})

/** Records without the values that only some of the stores have beside them. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, field: unknown) => {
      if (key === 'cid' || key === 'value') return undefined
      if (field instanceof Uint8Array) return Buffer.from(field).toString('hex')
      return typeof field === 'bigint' ? `${field}n` : field
    }) ?? 'null',
  )
}

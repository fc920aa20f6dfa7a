import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeSpotCheck, NOW } from '@hanse/protocol/testing'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { type KeptSession, keepSession } from '../gateway/testing/kept-session.ts'
import { NodeStore } from '../store/node-store.ts'
import { DAY_MS, Retention, type RetentionRun, type RetentionTerms } from './retention.ts'

const TERMS: RetentionTerms = { requests: 30, openings: 90, metadata: 60 }
const BODY = 'the body of a request, which names Jane Roe'

let folder = ''
let store: NodeStore
let now = NOW
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-retention-'))
  store = new NodeStore(join(folder, 'node.db'))
  now = NOW
})
afterEach(() => {
  store[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

const retentionOf = (terms: RetentionTerms = TERMS, onRun?: (run: RetentionRun) => void) =>
  new Retention(store, { terms, now: () => now, ...(onRun && { onRun }) })

/** A session that ended so many days ago, with all that is kept of one. */
function session(
  daysAgo: number,
  { isEnded = true, amount }: Partial<KeptSession> = { amount: 10n },
): string {
  const at = NOW - daysAgo * DAY_MS
  const id = keepSession(store, {
    at,
    amount,
    isEnded,
    begin: (name) => store.spend.attribute({ session: name, key: 'key_a', at, tags: ['tag'] }),
  })
  store.putOpening(id, {
    secret: new Uint8Array(32).fill(7),
    request: new TextEncoder().encode(BODY),
  })
  return id
}

/** All that is on the disk. */
const onDisk = (): string =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name)).toString('latin1'))
    .join('')

describe('what was kept long enough', () => {
  test('goes, each kind when it is due, and what is not stays', async () => {
    const [fresh, month, quarter] = [session(29), session(31), session(91)]
    const { removed, at } = await retentionOf().run()
    assert.deepEqual(removed, { requests: 2, openings: 1, metadata: 1 })
    assert.equal(at, NOW)
    assert.ok(store.opening(fresh)?.request !== undefined)
    assert.ok(store.opening(month) !== undefined)
    assert.equal(store.opening(month)?.request, undefined)
    assert.equal(store.opening(quarter), undefined)
    assert.deepEqual(
      [fresh, month, quarter].map((id) => store.spend.keyOf(id)),
      ['key_a', 'key_a', ''],
    )
    assert.deepEqual((await retentionOf().run()).removed, { requests: 0, openings: 0, metadata: 0 })
  })

  test('does not include receipts, nor what they come to', async () => {
    const old = session(3_650)
    await retentionOf().run()
    assert.equal(store.spend.amountOf(old), 10n)
    assert.equal(store.session(old)?.receipts, 2)
    assert.equal(store.spend.spentBy('key_a', 0, '1970-01'), 10n)
  })

  test('is nothing of a session that runs', async () => {
    const running = session(100, { isEnded: false })
    const { removed } = await retentionOf().run()
    assert.deepEqual([removed.requests, removed.openings], [0, 0])
    assert.ok(store.opening(running)?.request !== undefined)
  })

  test('is nothing where the terms are 0', async () => {
    const old = session(3_650)
    await retentionOf({ requests: 0, openings: 0, metadata: 0 }).run()
    assert.ok(store.opening(old)?.request !== undefined)
    assert.equal(store.spend.keyOf(old), 'key_a')
  })

  test('is nowhere on the disk afterwards', async () => {
    session(91)
    await store.committed()
    assert.ok(onDisk().includes(BODY))
    await retentionOf().run()
    assert.equal(onDisk().includes(BODY), false)
  })

  test('includes the texts of spot checks, and what they found stays', async () => {
    const signed = makeSpotCheck({ at: NOW - 31 * DAY_MS })
    const { cid, value: check } = signed
    const row = { cid: cid.toString(), check, signed, differ: true }
    store.spotChecks.put({ ...row, texts: ['one', 'two'] })
    assert.equal((await retentionOf().run()).removed.requests, 1)
    const [kept] = store.spotChecks.list(9)
    assert.deepEqual([kept?.texts, kept?.differ], [undefined, true])
  })

  test('may be more than one batch', async () => {
    for (let i = 0; i < 501; i++) session(91, {})
    assert.deepEqual((await retentionOf().run()).removed, {
      requests: 501,
      openings: 501,
      metadata: 501,
    })
  })
})

describe('runs', () => {
  test('are kept with what they removed, newest first, and told of', async () => {
    const told: RetentionRun[] = []
    session(31)
    const retention = retentionOf(TERMS, (run) => told.push(run))
    await retention.run()
    now += DAY_MS
    await retention.run()
    assert.deepEqual(
      retention.runs().map(({ at, removed }) => [at, removed.requests]),
      [
        [NOW + DAY_MS, 0],
        [NOW, 1],
      ],
    )
    assert.deepEqual(told.toReversed(), retention.runs())
  })

  test('begin at once', async () => {
    session(31)
    const run = Promise.withResolvers<RetentionRun>()
    await using retention = retentionOf(TERMS, run.resolve)
    retention.start()
    assert.equal((await run.promise).removed.requests, 1)
  })

  test('that fail are told of, and change nothing', async () => {
    const old = session(91)
    const failed = Promise.withResolvers<unknown>()
    using reader = new NodeStore(join(folder, 'node.db'), { readOnly: true })
    await using retention = new Retention(reader, {
      terms: TERMS,
      now: () => now,
      onFailure: failed.resolve,
    })
    retention.start()
    assert.match(String(await failed.promise), /readonly/u)
    assert.ok(store.opening(old) !== undefined)
  })
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PAYER_LIMITS, picoEuro } from '@hanse/protocol'
import { consumer, makeAuthorization, NOW } from '@hanse/protocol/testing'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { NodeStore } from './node-store.ts'
import { PAYERS_MAX, payersOf } from './payer-store.ts'

const NOTHING = picoEuro(0n)
const WINDOW = picoEuro(1_000n)
const LATER = PAYER_LIMITS.togetherMs

let folder: string
let store: NodeStore
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-payers-'))
  store = new NodeStore(join(folder, 'node.db'))
})
afterEach(() => {
  store[Symbol.dispose]()
  rmSync(folder, { recursive: true })
})

const defaults = (payers: readonly string[], at: number) =>
  store.payers.ended(payers, { paid: NOTHING, unpaid: WINDOW }, at)

describe('who left windows unpaid', () => {
  test('is remembered over a restart, and whoever pays is not', async () => {
    defaults(['peer/a'], NOW)
    store.payers.ended(['peer/b'], { paid: WINDOW, unpaid: NOTHING }, NOW)
    await store.committed()
    store[Symbol.dispose]()
    store = new NodeStore(join(folder, 'node.db'))
    assert.deepEqual(store.payers.of('peer/a'), { defaults: 1, lastAt: NOW, owed: 2_000n })
    assert.equal(store.payers.of('peer/b'), undefined)
    assert.equal(store.payers.standing(['peer/a'], NOW).type, 'prepaid')
    assert.equal(store.payers.standing(['peer/b'], NOW).type, 'stranger')
  })

  test('is known by the organization behind its keys, too', () => {
    const { value } = makeAuthorization()
    const [peer, organization] = payersOf(consumer.peerId, value)
    assert.ok(peer !== undefined && organization !== undefined)
    defaults([peer, organization], NOW)
    const other = payersOf('12D3KooWother', value)
    assert.equal(store.payers.standing(other, NOW).type, 'prepaid')
    assert.equal(store.payers.standing(payersOf('12D3KooWother', undefined), NOW).type, 'stranger')
    // What another key of it pays counts for the organization, and not for the key that did not.
    store.payers.ended(other, { paid: picoEuro(5_000n), unpaid: NOTHING }, NOW)
    assert.equal(store.payers.standing(other, NOW).type, 'stranger')
    assert.equal(store.payers.standing([peer], NOW).type, 'prepaid')
  })

  test('pays and defaults in one session: what it paid counts first', () => {
    defaults(['peer/a'], NOW)
    store.payers.ended(['peer/a'], { paid: picoEuro(1_500n), unpaid: picoEuro(100n) }, NOW + LATER)
    assert.deepEqual(store.payers.of('peer/a'), {
      defaults: 2,
      lastAt: NOW + LATER,
      owed: 500n + 400n,
    })
  })

  test('is judged by the worst that is known of it', () => {
    for (let i = 0; i < 4; i++) defaults(['peer/a'], NOW + i * LATER)
    defaults(['organization/x/y'], NOW)
    const at = NOW + 3 * LATER
    assert.deepEqual(store.payers.standing(['organization/x/y', 'peer/a'], at), {
      type: 'refused',
      retryAfterMs: 2 * PAYER_LIMITS.refusedMs,
    })
  })

  test('is forgotten after its time, and of too many those first that are longest ago', () => {
    defaults(['peer/old'], NOW)
    defaults(['peer/new'], NOW + PAYER_LIMITS.forgetMs)
    assert.equal(store.payers.of('peer/old'), undefined)
    const at = NOW + PAYER_LIMITS.forgetMs
    const crowd = Array.from({ length: PAYERS_MAX }, (_, i) => `peer/${i}`)
    defaults(crowd, at + 1)
    assert.equal(store.payers.of('peer/new'), undefined)
    assert.equal(store.payers.of('peer/0')?.defaults, 1)
  })
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeAuthorization, NOW } from '@hanse/protocol/testing'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { keepSession } from '../gateway/testing/kept-session.ts'
import { NodeStore } from './node-store.ts'
import type { NoteContent } from './note-content.ts'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-notes-'))
  path = join(folder, 'node.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function open(content: NoteContent = 'all'): NodeStore {
  const store = new NodeStore(path)
  store.notes.open(content)
  return store
}

const TIMING = { firstMs: 120, totalMs: 900 }
const authorization = makeAuthorization()

/** A session of this consumer, up to its end; with a receipt unless it failed. */
function hold(store: NodeStore, isPaid = true): string {
  return keepSession(store, {
    amount: isPaid ? 5n : undefined,
    authorization,
    timing: TIMING,
    begin: (session) => {
      store.spend.attribute({ session, key: 'key_a', at: NOW, tags: ['team:web', 'gateway-key:x'] })
      store.notes.setUser(session, 'u-1')
    },
  })
}

/** Settlement has booked its last receipt. */
const acknowledge = (store: NodeStore, session: string): void => store.submissionDone(session, 1n)

describe('what settlement is told of a session', () => {
  test('waits until settlement has acknowledged it, over a crash, and goes when it was told', () => {
    let session = ''
    {
      using store = open()
      session = hold(store)
      assert.deepEqual([store.notes.due(NOW), store.notes.waiting], [[], 1])
    }
    {
      using store = open()
      store.endAbandoned(NOW)
      acknowledge(store, session)
    }
    using store = open()
    const note = { session, tags: ['team:web'], user: 'u-1', ...TIMING, receipt: null }
    assert.deepEqual(store.notes.due(NOW), [note])
    store.notes.told([session])
    assert.deepEqual([store.notes.due(NOW), store.notes.waiting], [[], 0])
  })

  test('is told again later when settlement does not take it, and no sooner', () => {
    using store = open()
    const session = hold(store)
    acknowledge(store, session)
    let now = NOW
    for (const waitMs of [1_000, 2_000, 4_000]) {
      store.notes.failed([session], now)
      assert.equal(store.notes.due(now + waitMs - 1).length, 0)
      now += waitMs
      assert.equal(store.notes.due(now).length, 1)
    }
  })

  test.each<[NoteContent, readonly string[], string | null]>([
    ['timings', [], null],
    ['tags', ['team:web'], null],
    ['all', ['team:web'], 'u-1'],
  ])('is no more than the owner lets out: %s', (content, tags, user) => {
    using store = open(content)
    const session = hold(store)
    acknowledge(store, session)
    assert.deepEqual(store.notes.due(NOW), [{ session, tags, user, ...TIMING, receipt: null }])
  })

  test('is nothing where it is off, and what waited is forgotten', () => {
    {
      using store = open()
      hold(store)
    }
    using store = open('off')
    assert.equal(store.notes.waiting, 0)
    const session = hold(store)
    acknowledge(store, session)
    assert.deepEqual([store.notes.due(NOW), store.notes.waiting], [[], 0])
  })

  test('is nothing of what nobody will be paid for', () => {
    {
      using store = open()
      hold(store, false)
      assert.equal(store.notes.waiting, 0)
      const refused = hold(store)
      store.submissionRefused(refused, 1n, 'HANSE_RECEIPT_AMOUNT')
    }
    using store = open()
    assert.equal(store.notes.waiting, 0)
  })
})

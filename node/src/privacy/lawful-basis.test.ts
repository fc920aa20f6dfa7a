import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NOW } from '@hanse/protocol/testing'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { NodeStore } from '../store/node-store.ts'
import { LawfulBasis } from './lawful-basis.ts'
import { POLICY_VERSION, PURPOSE } from './policy-text.ts'

let folder = ''
let heard: string[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-basis-'))
  heard = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** In one life of a gateway. */
function withBasis<Result>(use: (basis: LawfulBasis, store: NodeStore) => Result): Result {
  using store = new NodeStore(join(folder, 'node.db'))
  const basis = new LawfulBasis(store.privacy, {
    now: () => NOW,
    onChange: (action, { basis: stated }) => heard.push(`${stated} ${action}`),
  })
  return use(basis, store)
}

const isMissing = { code: 'HANSE_CONSENT_REQUIRED' }

describe('a lawful basis', () => {
  test('is required before anything is processed, and stands from life to life once it is stated', () => {
    withBasis((basis) => {
      assert.throws(() => basis.require(), isMissing)
      assert.equal(basis.give('contract', 'anna').standing?.basis, 'contract')
      basis.require()
    })
    withBasis((basis) => {
      basis.require()
      const [only, ...more] = basis.state().history
      assert.deepEqual(more, [])
      assert.deepEqual(only, {
        purpose: PURPOSE,
        basis: 'contract',
        version: POLICY_VERSION,
        givenAt: NOW,
        givenBy: 'anna',
        withdrawnAt: undefined,
        withdrawnBy: undefined,
      })
    })
    assert.deepEqual(heard, ['contract given'])
  })

  test('that is withdrawn stands no more, and its history stays', () => {
    withBasis((basis) => {
      basis.give('consent', 'anna')
      assert.equal(basis.withdraw('bert').standing, undefined)
      assert.throws(() => basis.require(), { ...isMissing, message: /withdrawn at 2026/u })
      assert.throws(() => basis.withdraw('bert'), { code: 'HANSE_NOT_FOUND' })
    })
    withBasis((basis) => {
      assert.throws(() => basis.require(), isMissing)
      const [record] = basis.state().history
      assert.deepEqual([record?.withdrawnAt, record?.withdrawnBy], [NOW, 'bert'])
      basis.give('contract', 'anna')
      basis.require()
    })
    assert.deepEqual(heard, ['consent given', 'consent withdrawn', 'contract given'])
  })

  test('takes the place of the one before', () => {
    withBasis((basis) => {
      basis.give('consent', 'anna')
      const { history, standing } = basis.give('contract', 'anna')
      assert.deepEqual(
        history.map(({ basis: stated, withdrawnAt }) => [stated, withdrawnAt]),
        [
          ['consent', NOW],
          ['contract', undefined],
        ],
      )
      assert.equal(standing?.basis, 'contract')
    })
  })

  test('to another text has to be stated anew', () => {
    withBasis((basis, { privacy }) => {
      privacy.addBasis({
        purpose: PURPOSE,
        basis: 'consent',
        version: '2025-01',
        givenAt: NOW,
        givenBy: 'anna',
      })
      assert.throws(() => basis.require(), isMissing)
    })
    withBasis((basis) => {
      assert.throws(() => basis.require(), { ...isMissing, message: /version 2025-01/u })
      assert.equal(basis.give('consent', 'anna').history[0]?.withdrawnAt, NOW)
      basis.require()
    })
  })
})

describe('a setting', () => {
  test('states a basis once, and another one when it changes', () => {
    withBasis((basis) => assert.equal(basis.giveBySetting('consent'), true))
    withBasis((basis) => assert.equal(basis.giveBySetting('consent'), false))
    withBasis((basis) => {
      assert.equal(basis.giveBySetting('contract'), true)
      assert.equal(basis.state().standing?.basis, 'contract')
      assert.equal(basis.state().history.length, 2)
    })
  })

  test('does not undo a withdrawal', () => {
    withBasis((basis) => {
      basis.giveBySetting('consent')
      basis.withdraw('anna')
    })
    withBasis((basis) => {
      assert.equal(basis.giveBySetting('consent'), false)
      assert.equal(basis.giveBySetting('contract'), false)
      assert.throws(() => basis.require(), isMissing)
    })
  })
})

import assert from 'node:assert/strict'
import { NOW } from '@hanse/protocol/testing'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { NodeStore } from '../../store/node-store.ts'
import { type KeptSession, keepSession } from '../testing/kept-session.ts'
import { keyNames } from './key-names.ts'
import { csvOfSpend, jsonOfSpend } from './spend-json.ts'
import { readBy, readTimes, reportSpend, type SpendQuery } from './spend-report.ts'

const DAY_MS = 86_400_000
const NOVEMBER = { from: Date.parse('2026-11-01'), to: Date.parse('2026-12-01') }

let store: NodeStore
beforeEach(() => {
  store = new NodeStore(':memory:')
})
afterEach(() => store[Symbol.dispose]())

interface Spent extends KeptSession {
  readonly key?: string
  readonly tags?: readonly string[]
}

function spend({ key, tags = [], at = NOW, ...rest }: Spent): void {
  keepSession(store, {
    ...rest,
    at,
    begin: (session) => {
      if (key !== undefined) store.spend.attribute({ session, key, at, tags })
    },
  })
}

const report = async (query: Partial<SpendQuery>) =>
  await reportSpend(store.spend, { by: 'key', ...NOVEMBER, ...query }, (id) => id)

const sums = async (query: Partial<SpendQuery>) =>
  Object.fromEntries((await report(query)).groups.map(({ group, amount }) => [group, amount]))

describe('what was spent', () => {
  test('is told by key, model, provider, tag and day, and each session once in the total', async () => {
    spend({ amount: 5n, key: 'key_a', tags: ['red', 'blue'], model: 'test/one', at: NOW })
    spend({ amount: 7n, key: 'key_b', model: 'test/two', at: NOW + DAY_MS })
    spend({ amount: 11n, model: 'test/one' })
    spend({ amount: undefined, key: 'key_a' })
    spend({ amount: 0n, key: 'key_a', model: 'test/free' })
    const day = (at: number) => new Date(at).toISOString().slice(0, 10)
    assert.deepEqual(await sums({}), { owner: 11n, key_b: 7n, key_a: 5n })
    assert.deepEqual(await sums({ by: 'model' }), {
      'test/one': 16n,
      'test/two': 7n,
      'test/free': 0n,
    })
    assert.deepEqual(Object.values(await sums({ by: 'provider' })), [23n])
    assert.deepEqual(await sums({ by: 'tag' }), { '(none)': 18n, red: 5n, blue: 5n })
    assert.deepEqual(await sums({ by: 'day' }), { [day(NOW)]: 16n, [day(NOW + DAY_MS)]: 7n })
    for (const by of ['key', 'model', 'provider', 'tag', 'day'] as const) {
      const { total } = await report({ by })
      assert.deepEqual([total.amount, total.sessions], [23n, 4])
    }
  })

  test('is exact beyond what a number holds', async () => {
    spend({ amount: 2n ** 62n, key: 'key_a' })
    spend({ amount: 2n ** 62n + 1n, key: 'key_a' })
    assert.equal((await report({})).total.amount, 2n ** 63n + 1n)
    assert.equal(store.spend.spentBy('key_a', 0), 2n ** 63n + 1n)
    assert.equal(store.spend.spent(0), 2n ** 63n + 1n)
    const json = JSON.stringify(jsonOfSpend(await report({})))
    assert.ok(json.includes(`"amount":"${2n ** 63n + 1n}"`))
  })

  test('is of one key, and of the time that was asked for', async () => {
    spend({ amount: 1n, key: 'key_a', at: NOVEMBER.from })
    spend({ amount: 2n, key: 'key_a', at: NOVEMBER.to })
    spend({ amount: 4n, key: 'key_a', at: NOVEMBER.from - 1 })
    spend({ amount: 8n, key: 'key_b' })
    spend({ amount: 16n })
    assert.equal((await report({ key: 'key_a' })).total.amount, 1n)
    assert.equal((await report({ key: 'owner' })).total.amount, 16n)
    assert.equal((await report({})).total.amount, 25n)
  })

  test('is the same after it was forgotten whose it was, where whole months are asked for', async () => {
    spend({ amount: 5n, key: 'key_a', tags: ['red'] })
    spend({ amount: 7n, key: 'key_b' })
    spend({ amount: 11n })
    const before = await report({})
    store.spend.anonymise(NOVEMBER.to)
    assert.deepEqual(await report({}), before)
    assert.equal((await report({ key: 'key_a' })).total.amount, 5n)
    assert.deepEqual(await sums({ by: 'tag' }), { '(none)': 11n, '(forgotten)': 12n })
    const part = { from: NOVEMBER.from + 1 }
    assert.deepEqual(await sums(part), { owner: 11n, '(forgotten)': 12n })
    assert.deepEqual((await report({ ...part, key: 'key_a' })).leftOut, ['2026-11'])
  })

  test('of more sessions than are read at a time is whole', async () => {
    for (let i = 0; i < 501; i++) spend({ amount: 1n, key: 'key_a', at: NOW + (i % 3) })
    const { total } = await report({})
    assert.deepEqual([total.amount, total.sessions], [501n, 501])
  })
})

test('a table for spreadsheets holds no formula, whatever clients call their tags', async () => {
  spend({ amount: 10n ** 12n, key: 'key_a', tags: ['=HYPERLINK("x")', 'a,"b"\n'] })
  const [head, ...rows] = csvOfSpend(await report({ by: 'tag' })).split('\r\n')
  assert.equal(head, 'tag,sessions,input_tokens,output_tokens,amount_eur,amount_pico_eur')
  assert.ok(rows[0]?.startsWith(`"'=HYPERLINK(""x"")",1,10,20,1.00,1000000000000`), rows[0])
  assert.ok(rows[1]?.startsWith('"a,""b""\n",'))
})

describe('keys', () => {
  test('that shared a name are told apart', () => {
    const name = keyNames([
      { id: 'key_1', name: 'anna', revokedAt: NOW },
      { id: 'key_2', name: 'anna', revokedAt: undefined },
      { id: 'key_3', name: 'bert', revokedAt: NOW },
    ])
    assert.deepEqual(['key_1', 'key_2', 'key_3', 'owner'].map(name), [
      'anna (key_1)',
      'anna',
      'bert',
      'owner',
    ])
  })
})

describe('the time of a report', () => {
  test('is the month, days with the last one, or times without the last moment', () => {
    assert.deepEqual(readTimes(undefined, undefined, NOW), { from: NOVEMBER.from, to: Infinity })
    assert.deepEqual(readTimes('2026-11-01', '2026-11-30', NOW), NOVEMBER)
    assert.equal(
      readTimes(undefined, '2026-11-30T12:00:00Z', NOW).to,
      Date.parse('2026-11-30T12:00:00Z'),
    )
  })

  test.each([
    ['yesterday', undefined],
    ['2026-13-01', undefined],
    ['1', undefined],
    ['2026-11-02', '2026-11-01'],
  ])('is not from %s to %s', (from, to) => {
    assert.throws(() => readTimes(from, to, NOW), { code: 'HANSE_REQUEST_INVALID' })
  })

  test('is told by what there is', () => {
    assert.equal(readBy(undefined), 'key')
    assert.equal(readBy('tag'), 'tag')
    assert.throws(() => readBy('hour'), { code: 'HANSE_REQUEST_INVALID' })
  })
})

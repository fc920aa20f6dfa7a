import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, test } from 'vitest'
import { Measurements } from '../consumer/routing/index.ts'
import { NodeStore } from './node-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'hanse-measurements-'))
afterAll(() => rmSync(folder, { recursive: true }))
const NOW = 1_793_577_600_000
const MODEL = 'test/model'

test('what was measured is there after a restart, and is forgotten after a month', () => {
  const path = join(folder, 'restart.db')
  const measured = new Measurements()
  for (const [i, provider] of ['a', 'b', 'a'].entries()) {
    measured.firstToken(provider, MODEL, 100 * (i + 1), NOW)
    measured.speed(provider, MODEL, 20, 50, NOW)
    measured.outcome(provider, MODEL, i === 1, NOW)
    measured.compared(provider, MODEL, i === 1 ? 1 : 0, NOW)
    measured.length(provider, MODEL, 300, NOW)
  }
  {
    using store = new NodeStore(path)
    store.measurements.putMeasurements(measured.takeChanged(), NOW)
    store.measurements.putMeasurements(measured.takeChanged(), NOW)
  }
  using store = new NodeStore(path)
  const again = new Measurements(store.measurements.measurements())
  const usual = measured.usual(MODEL, NOW)
  assert.deepEqual(again.usual(MODEL, NOW), usual)
  for (const provider of ['a', 'b']) {
    const expect = (all: Measurements) => all.expect(provider, MODEL, 50, usual, NOW)
    assert.deepEqual(expect(again), expect(measured))
    assert.ok(expect(again).observations > 0)
  }
  assert.deepEqual(again.takeChanged(), [])
  store.measurements.putMeasurements([], NOW + 31 * 86_400_000)
  assert.deepEqual(store.measurements.measurements(), [])
})

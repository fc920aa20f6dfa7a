import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Results } from './measure.ts'
import type { MachineFacts } from './report.ts'
import { QUICK } from './scenarios.ts'
import type { SidesResult } from './sides.ts'
import { percentile, type Spread, spreadOf } from './statistics.ts'

const BENCH = fileURLToPath(new URL('./gateway.ts', import.meta.url))
const PROVIDER_BENCH = fileURLToPath(new URL('./provider.ts', import.meta.url))
const PROTOCOL_BENCH = fileURLToPath(new URL('./protocol.ts', import.meta.url))

test('a quick run measures both sides, writes every figure and leaves nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hanse-bench-test-'))
  try {
    const json = join(folder, 'new', 'gateway.json')
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [BENCH, '--quick', '--json', json],
      { cwd: folder, timeout: 110_000, env: { ...process.env, TMPDIR: folder } },
    )
    expect(stdout).toMatch(/gateway\/direct/u)
    const written = JSON.parse(readFileSync(json, 'utf8')) as Results & {
      readonly benchmark: string
      readonly quick: boolean
      readonly rounds: number
      readonly machine: MachineFacts
    }
    expect(written).toMatchObject({ benchmark: 'gateway', quick: true, rounds: QUICK.rounds })
    assert.equal(written.machine.node, process.version)
    assert.ok(written.machine.cores >= 1)
    const ids = QUICK.scenarios.flatMap(({ figures }) => figures.map(({ id }) => id))
    assert.deepEqual(
      written.figures.map(({ id }) => id),
      ids,
    )
    for (const { id, direct, gateway, ratio } of written.figures) {
      for (const side of [direct, gateway, ratio]) {
        assert.equal(side.rounds.length, QUICK.rounds, id)
        for (const value of [side.median, side.min, side.max, ...side.rounds])
          assert.ok(Number.isFinite(value) && value > 0, `${id}: ${value}`)
      }
    }
    for (const { side, answers, receipts } of written.costs)
      assert.ok(side === 'direct' || receipts >= answers, 'every answer has a receipt')
    assert.deepEqual(readdirSync(folder), ['new'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a quick run measures records, statements and the log beside raw primitives', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hanse-bench-test-'))
  try {
    const json = join(folder, 'protocol.json')
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [PROTOCOL_BENCH, '--quick', '--json', json],
      { cwd: folder, timeout: 110_000 },
    )
    const { figures } = JSON.parse(readFileSync(json, 'utf8'))
    expect(figures.length).toBeGreaterThanOrEqual(10)
    for (const { title, ours, raw, ratio } of figures) {
      expect(stdout).toContain(title)
      for (const { median, min, max } of [ours, raw, ratio]) {
        assert.ok(min > 0 && min <= median && median <= max && Number.isFinite(max), title)
      }
    }
    // How good they are is for a quiet machine to say; that they are promised is said here.
    expect(figures.filter(({ limit }: { limit?: number }) => limit !== undefined)).toHaveLength(2)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a quick run measures engines beside providers, and how soon an offer is seen', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hanse-bench-test-'))
  try {
    const json = join(folder, 'provider.json')
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [PROVIDER_BENCH, '--quick', '--json', json],
      { cwd: folder, timeout: 115_000, env: { ...process.env, TMPDIR: folder } },
    )
    const { comparisons, starts } = JSON.parse(readFileSync(json, 'utf8')) as {
      readonly comparisons: readonly SidesResult[]
      readonly starts: readonly Record<'ready' | 'live' | 'found', Spread>[]
    }
    assert.deepEqual(
      comparisons.map(({ figures }) => Object.keys(figures[0]?.sides ?? {})),
      [
        ['direct', 'provider'],
        ['in process', 'worker', 'provider'],
      ],
    )
    for (const { title, sides, ratios } of comparisons.flatMap(({ figures }) => figures)) {
      expect(stdout).toContain(title)
      for (const { median, min, max } of [...Object.values(sides), ...Object.values(ratios)])
        assert.ok(min > 0 && min <= median && median <= max && Number.isFinite(max), title)
    }
    assert.equal(starts.length, 2)
    for (const { ready, found } of starts) assert.ok(ready.median > 0 && found.median > 0)
    assert.deepEqual(readdirSync(folder), ['provider.json'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a percentile lies between the two nearest values', () => {
  assert.equal(percentile([3, 1, 2], 0.5), 2)
  assert.equal(percentile([1, 2, 3, 4], 0.5), 2.5)
  assert.equal(percentile([7], 0.95), 7)
  assert.throws(() => percentile([], 0.5), RangeError)
  assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3, rounds: [3, 1, 2] })
})

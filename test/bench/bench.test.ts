import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { GatewayResults } from './gateway/measure.ts'
import { QUICK } from './gateway/scenarios.ts'
import type { Outcome } from './gateway/targets.ts'
import type { MachineFacts } from './report.ts'
import type { SidesResult } from './sides.ts'
import { percentile, type Spread, spreadOf } from './statistics.ts'

const BENCH = fileURLToPath(new URL('./gateway.ts', import.meta.url))
const PROVIDER_BENCH = fileURLToPath(new URL('./provider.ts', import.meta.url))
const PROTOCOL_BENCH = fileURLToPath(new URL('./protocol.ts', import.meta.url))

interface GatewayFile extends GatewayResults {
  readonly benchmark: string
  readonly quick: boolean
  readonly rounds: number
  readonly machine: MachineFacts
  readonly versions: Readonly<Record<string, string>>
  readonly targets: readonly Outcome[]
}

test('a quick run of some sides writes each of their figures whole, and leaves nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hanse-bench-test-'))
  const scenarios = ['first-token', 'streams-64', 'requests', 'cancel-streamed']
  const sides = ['direct', 'pipes', 'hanse', 'portkey']
  try {
    const json = join(folder, 'new', 'gateway.json')
    const markdown = join(folder, 'new', 'gateway.md')
    const only = [...sides, ...scenarios].join(',')
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [BENCH, '--quick', '--only', only, '--json', json, '--markdown', markdown],
      { cwd: folder, timeout: 110_000, env: { ...process.env, TMPDIR: folder } },
    )
    const written = JSON.parse(readFileSync(json, 'utf8')) as GatewayFile
    expect(written).toMatchObject({ benchmark: 'gateway', quick: true, rounds: QUICK.rounds })
    expect(written.versions['@portkey-ai/gateway']).toBe('1.15.2')
    const asked = QUICK.scenarios.filter(({ id }) => scenarios.includes(id))
    const ids = asked.flatMap(({ figures }) => figures.map(({ id }) => id))
    const found = new Map(written.figures.map((figure) => [figure.id, figure]))
    assert.deepEqual([...found.keys()].slice(0, ids.length), ids)
    for (const id of ids) {
      const figure = found.get(id)
      expect(stdout).toContain(figure?.title)
      assert.deepEqual(Object.keys(figure?.sides ?? {}), sides)
      for (const [side, { rounds }] of Object.entries(figure?.sides ?? {})) {
        assert.equal(rounds.length, QUICK.rounds, `${id}, ${side}`)
        // The engine never hears of a cancel through Portkey: that is null in JSON.
        if (side !== 'portkey' || !id.startsWith('cancel'))
          for (const each of rounds) assertPositive(each, id)
      }
    }
    expect(readFileSync(markdown, 'utf8')).toContain('| CPU per token, all hops, µs |')
    expectProcesses(written)
    expect(written.targets.map(({ title }) => title)).toContain('CPU per token, over two pipes')
    assert.deepEqual(readdirSync(folder), ['new'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** Each process by itself, where the system tells. */
function expectProcesses({ figures, costs, memory }: GatewayFile): void {
  if (process.platform !== 'linux') return
  const ours = costs.find(({ side, scenario }) => side === 'hanse' && scenario === 'streams-64')
  assert.deepEqual(Object.keys(ours?.processes ?? {}), ['gateway', 'provider', 'engine', 'client'])
  for (const id of ['cpu-per-token', 'cpu-per-request', 'memory'])
    assertPositive(figures.find((figure) => figure.id === id)?.sides.hanse?.median, id)
  assert.deepEqual(
    memory.map(({ process: name }) => name),
    ['outer pipe', 'inner pipe', 'gateway', 'provider', 'portkey'],
  )
  for (const { residentMb, peakMb } of memory) assert.ok(residentMb > 0 && peakMb >= residentMb)
}

function assertPositive(value: number | undefined, what: string): void {
  assert.ok(value !== undefined && Number.isFinite(value) && value > 0, `${what}: ${value}`)
}

test('a run of sides or scenarios that there are not says which there are', async () => {
  const run = promisify(execFile)(process.execPath, [BENCH, '--only', 'hanse,wires'])
  await expect(run).rejects.toThrow(
    /--only wires: one of direct, pipe, pipes, hanse, portkey, first-token/u,
  )
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

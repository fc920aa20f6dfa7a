import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BENCHES } from './performance/benches.ts'
import { SECTIONS } from './performance/catalogue.ts'
import type { Performance } from './performance/figures.ts'
import { readRuns } from './performance/read-runs.ts'
import { renderPerformance } from './performance/render.ts'

const EMPTY: Performance = { runs: {}, values: {} }
const FIGURES = SECTIONS.flatMap(({ figures }) => figures)
const COMMITTED = JSON.parse(
  readFileSync(new URL('../docs/figures/performance.json', import.meta.url), 'utf8'),
) as Performance
const MACHINE = { cpu: 'Some CPU', cores: 2, memoryMb: 8_000, kernel: '6.1', node: 'v24.1.0' }

/** What `bench:gateway` writes, as far as it is read. */
const gateway = (changes: object = {}) => ({
  quick: false,
  busyBefore: 0.02,
  startedAt: '2030-01-02T03:04:05.000Z',
  machine: MACHINE,
  figures: [
    {
      id: 'cpu-per-token',
      sides: { hanse: { median: 12 }, pipes: { median: 4 }, portkey: { median: 6 } },
    },
    { id: 'cancel-streamed-p95', sides: { hanse: { median: 2 }, portkey: { median: null } } },
  ],
  ...changes,
})

function read(file: object, isAny = false, before: Performance = EMPTY) {
  const folder = mkdtempSync(join(tmpdir(), 'hanse-performance-'))
  try {
    writeFileSync(join(folder, 'gateway.json'), JSON.stringify(file))
    return readRuns(folder, before, isAny)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('every figure has an id of its own, and a benchmark that somebody can run', () => {
  const ids = FIGURES.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  const { scripts } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as { scripts: Record<string, string> }
  for (const { bench } of FIGURES)
    assert.ok(
      BENCHES.some(({ name }) => name === bench),
      bench,
    )
  for (const { name } of BENCHES) assert.ok(scripts[`bench:${name}`] !== undefined, name)
})

test('a run of a quiet machine is taken in with its date, its machine and the sides of each figure', () => {
  const { performance, refused } = read(gateway())
  assert.deepEqual(refused, [])
  assert.deepEqual(performance.values, {
    'cpu-per-token': { ours: 12, limit: 4, other: 6 },
    cancel: { ours: 2 },
  })
  expect(performance.runs.gateway).toMatchObject({ command: 'npm run bench:gateway', busy: 0.02 })
  const page = renderPerformance(performance)
  expect(page).toContain(
    '| CPU of a token, 64 streams, all hops | 3.00 × | 2.00 × | 12 µs | 4 µs, two bare HTTP pipes of Node | 6 µs, Portkey’s gateway |',
  )
  expect(page).toContain('2030-01-02 | Some CPU, 2 cores, 8 GB, Linux 6.1, Node v24.1.0')
})

test('quick runs, runs beside other work, and runs of which nobody knows are refused', () => {
  for (const [changes, why] of [
    [{ quick: true }, /a quick run/u],
    [{ busyBefore: 0.4 }, /40 % busy/u],
    [{ busyBefore: undefined }, /nobody looked/u],
  ] as const) {
    const { performance, refused } = read(gateway(changes))
    expect(refused.join()).toMatch(why)
    assert.deepEqual(performance, EMPTY)
  }
  const look = read(gateway({ quick: true }), true).performance
  assert.equal(look.runs.gateway?.command, 'npm run bench:gateway --quick')
})

test('a figure that a newer run lacks does not stay beside the date of that run', () => {
  const before: Performance = {
    runs: {},
    values: { 'tokens-64': { ours: 1 }, 'bundle-node': { ours: 2 } },
  }
  const { values } = read(gateway(), false, before).performance
  assert.equal(values['tokens-64'], undefined)
  assert.deepEqual(values['bundle-node'], { ours: 2 }, 'of another benchmark')
})

test('whatever loses stands first, with its reason, whoever wrote the figures', () => {
  const page = renderPerformance({ runs: {}, values: { requests: { ours: 100, other: 300 } } })
  const [lost = ''] = page.split('## What the protocol adds')
  expect(lost).toContain('## Where we lose')
  expect(lost).toMatch(/completions of 16 tokens.*3\.00 times worse than Portkey’s gateway: .+/u)
  const ahead = renderPerformance({ runs: {}, values: { requests: { ours: 300, other: 100 } } })
  expect(ahead).not.toContain('## Where we lose')
  expect(ahead).toContain('| 0.33 × |')
})

test('what is not measured is listed with the command that measures it', () => {
  const page = renderPerformance(EMPTY)
  for (const { title } of FIGURES) expect(page).toContain(title)
  for (const { name } of BENCHES) expect(page).toContain(`\`npm run bench:${name}`)
})

test('what is committed shows at least one comparison that we lose', () => {
  const lost = FIGURES.filter(({ id, better }) => {
    const { ours, other } = COMMITTED.values[id] ?? {}
    if (ours === undefined || other === undefined) return false
    return better === 'lower' ? ours > other : ours < other
  })
  expect(lost.length).toBeGreaterThan(0)
  for (const { title, because } of lost) assert.ok(because !== undefined, `why is ${title} lost?`)
})

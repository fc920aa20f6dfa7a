import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { ToldRun } from './told.ts'

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const RUNNER = pathOf('../../scripts/bench.ts')
const PAGE = pathOf('../../scripts/performance.ts')

/** What each must say, by the ids of the page, with what stands beside it. */
const VALUES = {
  'first-token': {
    'dht-cold-p50': ['limit', 'other'],
    'dht-cold-p99': ['limit', 'other'],
    'dht-warm-p50': ['limit', 'other'],
    'dht-warm-p99': ['limit', 'other'],
  },
  start: { 'start-offer': ['limit'], 'start-answer': ['limit', 'other'], 'start-paid': ['limit'] },
  browser: {
    'bundle-browser': ['limit'],
    'browser-join': ['other'],
    'browser-find': ['other'],
    'browser-cold': ['other'],
    'browser-warm': ['other'],
  },
} as const

test('the runner takes first steps on the market roughly, and the page shows each beside the others', {
  timeout: 400_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hanse-bench-test-'))
  const run = async (...args: readonly string[]) =>
    await promisify(execFile)(process.execPath, args, {
      cwd: folder,
      timeout: 390_000,
      env: { ...process.env, TMPDIR: folder },
    })
  try {
    const only = Object.keys(VALUES).join()
    await run(RUNNER, '--quick', '--only', only, '--out', 'out')
    for (const [name, expected] of Object.entries(VALUES)) {
      const { values, quick, samples, busyBefore } = JSON.parse(
        readFileSync(join(folder, 'out', `${name}.json`), 'utf8'),
      ) as ToldRun & { readonly busyBefore: number }
      assert.equal(quick, true)
      assert.ok(busyBefore >= 0 && busyBefore <= 1)
      assert.deepEqual(Object.keys(values), Object.keys(expected))
      for (const [id, beside] of Object.entries(expected)) {
        assert.deepEqual(Object.keys(values[id] ?? {}), ['ours', ...beside], id)
        for (const value of Object.values(values[id] ?? {}))
          assert.ok(Number.isFinite(value) && value > 0, `${id}: ${value}`)
      }
      for (const each of Object.values(samples)) assert.ok(each.length > 0)
    }
    const { start } = readValues(folder)
    assert.ok(start.offer < start.paid && start.answer < start.paid, JSON.stringify(start))
    // Rough ones are for a look alone.
    const refused = run(PAGE, '--from', 'out', '--out', 'page')
    await expect(refused).rejects.toThrow(/first-token: a quick run/u)
    await run(PAGE, '--from', 'out', '--out', 'page', '--any')
    const page = readFileSync(join(folder, 'page', 'performance.md'), 'utf8')
    for (const title of ['cold, p99', 'until the first job is paid', 'in Chromium'])
      expect(page).toMatch(new RegExp(`\\| ${title} \\| [\\d.–]+`, 'u'))
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('hanse-')),
      [],
      'nothing is left behind',
    )
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
})

function readValues(folder: string) {
  const { values } = JSON.parse(readFileSync(join(folder, 'out', 'start.json'), 'utf8')) as ToldRun
  const of = (id: string) => values[id]?.ours ?? Number.NaN
  return { start: { offer: of('start-offer'), answer: of('start-answer'), paid: of('start-paid') } }
}

test('the runner says which benchmarks there are', async () => {
  const run = promisify(execFile)(process.execPath, [RUNNER, '--only', 'nonsense'])
  await expect(run).rejects.toThrow(/--only nonsense: one of gateway, protocol, first-token/u)
})

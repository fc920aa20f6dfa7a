import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { WEBSITE } from '../../scripts/performance/website.ts'
import { buildIfStale } from '../web/site.ts'
import type { ToldRun } from './told.ts'

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

// A hook of its own: where nothing is built yet, it takes as long as all the rest.
beforeAll(() => buildIfStale())

test('a quick run measures tables beside plain ones, and the landing page, and the page of figures shows all of it', {
  timeout: 300_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hanse-bench-test-'))
  const run = async (script: string, ...args: readonly string[]) =>
    await promisify(execFile)(process.execPath, [pathOf(script), ...args], {
      cwd: folder,
      timeout: 290_000,
      env: { ...process.env, TMPDIR: folder },
    })
  try {
    await run('../../scripts/bench.ts', '--quick', '--only', 'web', '--out', 'out')
    const { quick, values, samples } = JSON.parse(
      readFileSync(join(folder, 'out', 'web.json'), 'utf8'),
    ) as ToldRun
    assert.equal(quick, true)
    assert.deepEqual(Object.keys(values).toSorted(), WEBSITE.figures.map(({ id }) => id).toSorted())
    for (const { id, limit, other } of WEBSITE.figures) {
      const value = values[id] ?? assert.fail(id)
      const beside = [limit && 'limit', other && 'other'].filter(Boolean)
      assert.deepEqual(Object.keys(value), ['ours', ...beside], id)
      for (const each of Object.values(value)) assert.ok(Number.isFinite(each) && each >= 0, id)
      for (const each of [value.limit, value.other]) assert.ok(each === undefined || each > 0, id)
    }
    for (const [name, each] of Object.entries(samples)) assert.ok(each.length > 0, name)
    // How many elements there are is the same on any machine.
    const { ours = 0, other = 0 } = values['web-elements-receipts'] ?? {}
    assert.ok(ours < 3_000 && other > 60_000, `${ours} and ${other} elements`)
    const script = values['web-landing-script']?.ours ?? 0
    assert.ok(script > 10 && script < 100, `${script} kB`)
    await run('../../scripts/performance.ts', '--from', 'out', '--out', 'page', '--any')
    const page = readFileSync(join(folder, 'page', 'performance.md'), 'utf8')
    expect(page).toMatch(/\| 10,000 receipts, a filter answers, p95 \| [\d.]+ × \| [\d.]+ × \|/u)
    // The packaged browser unpacks itself there, for whoever starts it next.
    const left = readdirSync(folder).filter((name) => name.startsWith('hanse-'))
    assert.deepEqual(left, [], 'something is left behind')
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
})

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const BENCH = fileURLToPath(new URL('../eu-mode.ts', import.meta.url))

test('a quick run measures both modes in turns, and leaves nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hanse-bench-test-'))
  try {
    const json = join(folder, 'new', 'eu.json')
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [BENCH, '--quick', '--rounds', '1', '--json', json],
      { cwd: folder, timeout: 115_000, env: { ...process.env, TMPDIR: folder } },
    )
    const { benchmark, rounds, overheads } = JSON.parse(readFileSync(json, 'utf8'))
    expect([benchmark, rounds, overheads.length]).toEqual(['eu-mode', 1, 4])
    for (const { title, off, on, ratio } of overheads) {
      expect(stdout).toContain(title)
      for (const value of [off, on]) assert.ok(value > 0 && Number.isFinite(value), title)
      // Of one round: what came out, and no word on how sure it is.
      expect(ratio).toEqual({ median: on / off, low: on / off, high: on / off, confidence: 0 })
    }
    assert.deepEqual(readdirSync(folder), ['new'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

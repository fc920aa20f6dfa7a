import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Figure } from './settlement/measure.ts'
import type { Outcome } from './settlement/targets.ts'

const BENCH = fileURLToPath(new URL('./settlement.ts', import.meta.url))

test('a quick run books Statements and receipts over HTTP, beside the raw rates, and leaves nothing behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hanse-bench-test-'))
  // PostgreSQL’s own user goes through it, where the tests run as root.
  await chmod(folder, 0o755)
  try {
    const [json, markdown] = [join(folder, 'settlement.json'), join(folder, 'settlement.md')]
    const only = 'postgres,raw,statements,receipts'
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [BENCH, '--quick', '--only', only, '--json', json, '--markdown', markdown],
      { cwd: folder, timeout: 115_000, env: { ...process.env, TMPDIR: folder } },
    )
    const { figures, targets } = JSON.parse(await readFile(json, 'utf8')) as {
      readonly figures: readonly Figure[]
      readonly targets: readonly Outcome[]
    }
    const ids = figures.map(({ id }) => id)
    for (const id of ['raw-checks-2', 'raw-inserts', 'sessions', 'receipts', 'receipts-loaded-p95'])
      expect(ids).toContain(id)
    for (const { title, spread } of figures) {
      expect(stdout).toContain(title)
      expect(spread.median, title).toBeGreaterThanOrEqual(0)
    }
    expect(targets.map(({ title }) => title)).toContain('sessions by Statements, per s')
    expect(await readFile(markdown, 'utf8')).toContain('| sessions by Statements, per s |')
    expect((await readdir(folder)).toSorted()).toEqual(['settlement.json', 'settlement.md'])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('a scenario that there is not is told with those that there are', async () => {
  const run = promisify(execFile)(process.execPath, [BENCH, '--only', 'postgres,refunds'])
  await expect(run).rejects.toThrow(/--only refunds: one of postgres, pglite, raw, statements/u)
})

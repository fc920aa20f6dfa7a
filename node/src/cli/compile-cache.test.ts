import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { VERSION } from '../version.ts'

const HANSE = fileURLToPath(new URL('../../bin/hanse.mjs', import.meta.url))

async function versionWith(env: Readonly<Record<string, string>>): Promise<string> {
  const { NODE_COMPILE_CACHE: _, XDG_CACHE_HOME: __, ...rest } = process.env
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [HANSE, '--version'], {
    env: { ...rest, ...env },
  })
  assert.equal(stderr, '')
  return stdout.trim()
}

test('compiled code is kept in the user’s own folder, and used', async () => {
  const home = await mkdtemp(join(tmpdir(), 'hanse-cache-'))
  try {
    const env = { HOME: home, USERPROFILE: home }
    assert.equal(await versionWith(env), VERSION)
    const kept = await readdir(join(home, '.cache', 'hanse', 'compiled'), { recursive: true })
    expect(kept.length).toBeGreaterThan(100)
    assert.equal(await versionWith(env), VERSION)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
})

test('where nothing can be kept, commands run all the same', async () => {
  assert.equal(await versionWith({ XDG_CACHE_HOME: '/dev/null/nowhere' }), VERSION)
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HanseError } from '@hanse/protocol'
import { afterAll, beforeAll, test } from 'vitest'
import { lockDataFolder } from './data-lock.ts'

const MODULE = fileURLToPath(new URL('./data-lock.ts', import.meta.url))
const isRunning = (error: unknown) =>
  error instanceof HanseError && error.code === 'HANSE_ALREADY_RUNNING'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-lock-'))
})
afterAll(async () => await rm(folder, { recursive: true, force: true }))

test('a folder is one daemon’s until it lets go', async () => {
  const path = join(folder, 'made', 'here')
  const lock = lockDataFolder(path)
  assert.throws(() => lockDataFolder(path), isRunning)
  lock[Symbol.dispose]()
  lockDataFolder(path)[Symbol.dispose]()
  assert.equal((await stat(join(path, 'daemon.lock'))).mode & 0o077, 0)
})

test('a daemon that is killed leaves the folder free', async () => {
  const script = `const { lockDataFolder } = await import(${JSON.stringify(MODULE)})
    globalThis.lock = lockDataFolder(${JSON.stringify(folder)})
    console.log('held'); process.stdin.resume()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    await once(child.stdout, 'data')
    assert.throws(() => lockDataFolder(folder), isRunning)
  } finally {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  lockDataFolder(folder)[Symbol.dispose]()
})

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { ownAmong } from './own-processes.ts'

const children: ChildProcess[] = []
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-own-'))
})
afterEach(async () => {
  await Promise.all(
    children.splice(0).map(async (child) => {
      child.kill()
      await once(child, 'close')
    }),
  )
  await rm(folder, { recursive: true, force: true })
})

/** A program of this name that waits. */
async function run(name: string): Promise<number> {
  const path = join(folder, name)
  await copyFile('/bin/sleep', path)
  const child = spawn(path, ['60'])
  children.push(child)
  await once(child, 'spawn')
  return child.pid ?? 0
}

/** As a daemon elsewhere sees the children of this process: none of them is its own. */
const ELSEWHERE = 2 ** 30
const own = async (pids: readonly number[], names: readonly string[], self = ELSEWHERE) =>
  await ownAmong(pids, { engines: names.map((name) => ({ name })), self, procRoot: '/proc' })

describe.runIf(process.platform === 'linux')('among processes that run', () => {
  test('an engine on offer is the node’s own, and a game is not', async () => {
    const [ollama, game] = [await run('ollama'), await run('game')]
    assert.deepEqual(await own([ollama, game], ['ollama', 'builtin']), new Set([ELSEWHERE, ollama]))
    assert.deepEqual(await own([ollama, game], ['builtin']), new Set([ELSEWHERE]))
  })

  test('what the daemon has started is its own, whatever it is called', async () => {
    const worker = await run('game')
    assert.deepEqual(await own([worker], ['builtin'], process.pid), new Set([process.pid, worker]))
  })

  test('nobody is a stranger while an engine has no known name, or a process cannot be seen', async () => {
    const game = await run('game')
    assert.equal(await own([game], ['openai', 'ollama']), undefined)
    assert.equal(await own([game, ELSEWHERE], ['ollama']), undefined)
  })
})

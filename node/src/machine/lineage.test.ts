import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { readLineage } from './lineage.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hanse-proc-'))
})
afterEach(async () => await rm(root, { recursive: true, force: true }))

async function write(pid: number, stat: string, cmdline = ''): Promise<void> {
  await mkdir(join(root, `${pid}`))
  await writeFile(join(root, `${pid}`, 'stat'), stat)
  await writeFile(join(root, `${pid}`, 'cmdline'), cmdline)
}

describe('the lineage of a process', () => {
  test('goes up to the first that can be seen, whatever names hold', async () => {
    await write(9, '9 (a) (b c)) S 5 9 9 0', 'python3\0-m\0vllm\0')
    await write(5, '5 (bash) S 1 5 5 0', 'bash\0')
    assert.deepEqual(await readLineage(root, 9), [
      { pid: 9, parent: 5, comm: 'a) (b c)', argv: ['python3', '-m', 'vllm', ''] },
      { pid: 5, parent: 1, comm: 'bash', argv: ['bash', ''] },
    ])
  })

  test('of a process that is gone, or of bytes that are none, is not known', async () => {
    await write(9, 'nothing')
    assert.equal(await readLineage(root, 9), undefined)
    assert.equal(await readLineage(root, 10), undefined)
  })

  test('that runs in a circle ends', async () => {
    await write(9, '9 (a) S 9 9 9 0')
    assert.equal((await readLineage(root, 9))?.length, 16)
  })

  test.runIf(process.platform === 'linux')('of a real child names this process', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'])
    try {
      await once(child, 'spawn')
      const lineage = await readLineage('/proc', child.pid ?? 0)
      assert.equal(lineage?.[1]?.pid, process.pid)
      assert.match(lineage?.[0]?.argv.join(' ') ?? '', /process\.stdin\.resume/u)
    } finally {
      child.kill()
      await once(child, 'close')
    }
  })
})

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test, vi } from 'vitest'
import { folderName } from '../../models/manifest.ts'
import { PartFile } from '../../models/part-file.ts'
import { ModelServer, sha256 } from '../../models/testing/model-server.ts'
import { Sandbox, TINY, TINY_PATH } from '../../models/testing/sandbox.ts'

const BIN = fileURLToPath(new URL('../../../bin/hanse.mjs', import.meta.url))
const REPO = 'acme/Tiny-GGUF'
const NAME = `${REPO}:Q4_K_M`

/** A command that runs, in a folder of its own, against a hub of its own. */
class Run {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''

  constructor(command: readonly string[], cwd: string, env: Record<string, string>) {
    const [file = '', ...args] = command
    this.child = spawn(file, args, {
      cwd,
      env: { ...process.env, NO_COLOR: '1', HANSE_MODELS_DIR: join(cwd, 'models'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
  }

  async ended(): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const [code] = (await once(this.child, 'close')) as [number | null]
    return { code, stdout: this.stdout, stderr: this.stderr }
  }

  async until(condition: () => boolean): Promise<void> {
    await vi.waitUntil(
      () => {
        assert.equal(this.child.exitCode, null, `it ended early: ${this.stdout}${this.stderr}`)
        return condition()
      },
      { timeout: 20_000, interval: 10 },
    )
  }
}

class Scene {
  readonly server: ModelServer
  readonly sandbox: Sandbox

  constructor(server: ModelServer, sandbox: Sandbox) {
    this.server = server
    this.sandbox = sandbox
    server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY, 'tiny-Q8_0.gguf': TINY })
  }

  start(...args: string[]): Run {
    return new Run([process.execPath, BIN, 'models', ...args], this.sandbox.folder, {
      HANSE_HF_URL: this.server.url,
    })
  }

  async hanse(...args: string[]) {
    return await this.start(...args).ended()
  }
}

async function scene(run: (it: Scene) => Promise<void>): Promise<void> {
  await using server = await ModelServer.start()
  using sandbox = new Sandbox()
  await run(new Scene(server, sandbox))
}

/** The server falls silent, so that a command can be met in the middle of its work. */
const KEPT = 1_000_000
const half = { hangAfter: KEPT }

// Each command is a process of its own, and a loaded machine starts them slowly.
describe('hanse models', { timeout: 120_000 }, () => {
  test('pulls, lists, verifies and removes', async () =>
    await scene(async (it) => {
      const pulled = await it.hanse('pull', REPO)
      assert.equal(pulled.code, 0, pulled.stderr)
      assert.match(
        pulled.stdout,
        /licence {2}apache-2\.0 {2}http:\/\/127\.0\.0\.1:\d+\/acme\/Tiny-GGUF\n/u,
      )
      assert.match(pulled.stdout, new RegExp(`stored ${NAME}\n`, 'u'))
      assert.match(pulled.stdout, new RegExp(`sha256:${sha256(TINY)}`, 'u'))
      const listed = await it.hanse('list')
      assert.match(
        listed.stdout,
        /^NAME +SIZE +QUANT +CONTEXT +LICENCE +SOURCE\nacme\/Tiny-GGUF:Q4_K_M +3\.0 MB +F16 +512 +apache-2\.0 +127\.0\.0\.1:\d+\/acme\/Tiny-GGUF@c0ffee0\n$/u,
      )
      const json = JSON.parse((await it.hanse('list', '--json')).stdout) as {
        models: { path: string }[]
      }
      const path = json.models[0]?.path ?? ''
      assert.deepEqual(readFileSync(path), TINY)
      assert.equal((await it.hanse('verify')).code, 0)
      assert.match((await it.hanse('pull', REPO)).stdout, /is here already/u)
      const bytes = Buffer.from(TINY)
      bytes[1_000_000] = (bytes[1_000_000] ?? 0) ^ 4
      writeFileSync(path, bytes)
      const rotten = await it.hanse('verify', NAME)
      assert.equal(rotten.code, 1)
      assert.match(rotten.stdout, /✗ .*HANSE_MODEL_DIGEST/u)
      assert.equal((await it.hanse('rm', NAME)).code, 0)
      assert.match((await it.hanse('list')).stdout, /No models/u)
      assert.equal((await it.hanse('rm', NAME)).code, 1)
    }))

  test('killed in the middle it goes on where it was', async () =>
    await scene(async (it) => {
      it.server.faults.push(half)
      const first = it.start('pull', REPO)
      await partOf(it, first)
      first.child.kill('SIGKILL')
      await first.ended()
      const second = await it.hanse('pull', REPO)
      assert.equal(second.code, 0, second.stderr)
      assert.equal(it.server.downloads.at(-1)?.range, `bytes=${KEPT}-`)
      assert.match(second.stdout, /checking what is there/u)
      assert.equal((await it.hanse('verify')).code, 0)
    }))

  test('stopped by Ctrl-C it says that it can go on, and does', async () =>
    await scene(async (it) => {
      it.server.faults.push(half)
      const first = it.start('pull', REPO)
      await partOf(it, first)
      first.child.kill('SIGINT')
      const { code, stdout } = await first.ended()
      assert.equal(code, 130)
      assert.match(stdout, /run the same command again to go on/u)
      assert.match(
        (await it.hanse('list')).stdout,
        new RegExp(`unfinished: ${NAME}, 1\\.0 MB of 3\\.0 MB`, 'u'),
      )
      assert.equal((await it.hanse('pull', REPO)).code, 0)
      assert.equal(it.server.downloads.at(-1)?.range, `bytes=${KEPT}-`)
    }))

  test('two at once do not disturb each other: one pulls, one says so', async () =>
    await scene(async (it) => {
      it.server.faults.push(half)
      const first = it.start('pull', REPO)
      await partOf(it, first)
      const second = await it.hanse('pull', REPO)
      assert.equal(second.code, 1)
      assert.match(second.stderr, /HANSE_MODEL_BUSY/u)
      const removal = await it.hanse('rm', NAME)
      assert.match(removal.stderr, /HANSE_MODEL_BUSY/u)
      first.child.kill('SIGTERM')
      assert.equal((await first.ended()).code, 130)
      assert.equal((await it.hanse('pull', REPO)).code, 0)
      assert.equal((await it.hanse('verify')).code, 0)
    }))

  test('a licence that needs reading is shown, and pulled only with consent', async () =>
    await scene(async (it) => {
      Object.assign(it.server.repos.get(REPO) ?? {}, { licence: 'cc-by-nc-4.0' })
      const refused = await it.hanse('pull', REPO)
      assert.equal(refused.code, 1)
      assert.match(refused.stdout, /! This licence forbids commercial use/u)
      assert.match(refused.stderr, /add --yes/u)
      assert.equal(it.server.downloads.length, 0)
      assert.equal((await it.hanse('pull', REPO, '--yes')).code, 0)
    }))

  test('gated, unknown and unclear models are explained, and no token is printed', async () =>
    await scene(async (it) => {
      Object.assign(it.server.repos.get(REPO) ?? {}, { gated: 'auto' })
      const gated = await new Run(
        [process.execPath, BIN, 'models', 'pull', REPO],
        it.sandbox.folder,
        { HANSE_HF_URL: it.server.url, HANSE_HF_TOKEN: 'hf_verysecret' },
      ).ended()
      assert.match(gated.stderr, /HANSE_MODEL_GATED[\s\S]*HANSE_HF_TOKEN/u)
      assert.doesNotMatch(gated.stdout + gated.stderr, /verysecret/u)
      assert.match((await it.hanse('pull', 'acme/none')).stderr, /HANSE_MODEL_DOWNLOAD/u)
      const bad = await it.hanse('pull', 'nonsense')
      assert.match(bad.stderr, /names no model: use org\/repo/u)
      it.server.repo('acme/Two', { 'a-Q8_0.gguf': TINY, 'a-Q2_K.gguf': TINY })
      const unclear = await it.hanse('pull', 'acme/Two')
      assert.match(unclear.stderr, /say which you want:\n {2}acme\/Two:Q8_0 /u)
    }))

  test('--json gives one object a line', async () =>
    await scene(async (it) => {
      const { stdout } = await it.hanse('pull', TINY_PATH, '--json')
      const events = stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { event: string }).event)
      assert.deepEqual([...new Set(events)], ['plan', 'progress', 'done'])
    }))

  test('a full disk keeps what came, and says which disk', async () =>
    await scene(async (it) => {
      // Without a length nobody can know before that it will not fit.
      it.server.faults.push({ noLength: true })
      const folder = it.sandbox.path('models')
      mkdirSync(folder)
      it.server.files.set('/dl/tiny.gguf', TINY)
      const url = `${it.server.url}/dl/tiny.gguf`
      if (!(await canMount())) {
        // Without the right to mount, the file system is played: the first write after a megabyte fails.
        await failingWrites(it.sandbox.path('m.gguf'))
        return
      }
      const inside = `mount -t tmpfs -o size=1m none ${folder} && "$0" "$@"; code=$?; find ${folder} -name '*.part' -size +800k | wc -l; exit $code`
      const { code, stdout, stderr } = await new Run(
        [
          'unshare',
          '-m',
          'sh',
          '-c',
          inside,
          process.execPath,
          BIN,
          'models',
          'pull',
          url,
          '--yes',
        ],
        it.sandbox.folder,
        {},
      ).ended()
      assert.equal(code, 1)
      assert.match(stderr, /HANSE_DISK_FULL/u)
      assert.match(stderr, /the disk of .*models.* is full; what is there is kept/u)
      assert.match(stdout, /\n1\n$/u)
    }))
})

/** Waits until a pull has all that came. */
async function partOf(it: Scene, run: Run): Promise<void> {
  const part = it.sandbox.path('models', folderName(NAME), 'tiny-Q4_K_M.gguf.part')
  await run.until(() => existsSync(part) && statSync(part).size === KEPT)
}

async function canMount(): Promise<boolean> {
  const child = spawn('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs none /tmp'], {
    stdio: 'ignore',
  })
  return await new Promise((resolve) => {
    child.on('error', () => resolve(false))
    child.on('exit', (code) => resolve(code === 0))
  })
}

async function failingWrites(target: string): Promise<void> {
  await using part = await PartFile.open(target, 'test')
  await part.append(TINY.subarray(0, 1_000_000))
  await using handle = await open(target, 'w')
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  const write = vi
    .spyOn(prototype, 'write')
    .mockRejectedValue(Object.assign(new Error('no space'), { code: 'ENOSPC' }))
  try {
    await assert.rejects(part.append(TINY.subarray(0, 10)), { code: 'HANSE_DISK_FULL' })
  } finally {
    write.mockRestore()
  }
  assert.equal(statSync(`${target}.part`).size, 1_000_000)
  assert.equal(part.sha256(), sha256(TINY.subarray(0, 1_000_000)))
}

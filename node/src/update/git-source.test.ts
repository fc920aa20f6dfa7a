import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { type Execute, execute } from './execute.ts'
import { gitSource } from './git-source.ts'

let base = ''
let upstream = ''
let checkout = ''
let folder = ''
let copies = 0

/** Without the settings of whoever runs the tests. */
const env = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
}
const git = async (cwd: string, ...args: string[]) =>
  (await promisify(execFile)('git', args, { cwd, env })).stdout.trim()
const signed = ['-c', 'gpg.format=ssh', '-c', 'user.signingkey=']

async function release(version: string, ...tag: readonly string[]): Promise<void> {
  await mkdir(join(upstream, 'node'), { recursive: true })
  const text = JSON.stringify({ name: '@hanse/node', version })
  await writeFile(join(upstream, 'node/package.json'), text)
  await git(upstream, 'add', '.')
  await git(upstream, 'commit', '--quiet', '--message', version)
  await git(upstream, ...(tag.length === 0 ? ['tag', `v${version}`] : tag))
}

const key = (name: string) => join(base, name)
const sign = (name: string, tag: string) => [
  ...signed.slice(0, 3),
  `user.signingkey=${key(name)}.pub`,
  'tag',
  '--sign',
  '--message',
  tag,
  tag,
]

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'hanse-git-'))
  upstream = join(base, 'upstream')
  await mkdir(upstream)
  for (const name of ['ours', 'theirs'])
    await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key(name)])
  const published = await readFile(`${key('ours')}.pub`, 'utf8')
  await writeFile(key('signers'), `a@example.org ${published}`)
  await git(base, 'init', '--quiet', '--initial-branch', 'main', 'upstream')
  await release('1.0.0', ...sign('ours', 'v1.0.0'))
  await git(base, 'clone', '--quiet', upstream, 'original')
  await release('1.1.0', ...sign('ours', 'v1.1.0'))
})
afterAll(async () => {
  await rm(base, { recursive: true, force: true })
})

beforeEach(async () => {
  folder = join(base, `copy${copies++}`)
  checkout = folder
  await git(base, 'clone', '--quiet', join(base, 'original'), folder)
  await git(folder, 'remote', 'set-url', 'origin', upstream)
})

/** Real git; npm ci is not what is tested, and would ask a registry. */
const npmRuns: string[] = []
const withoutNpm =
  (failFirst = false): Execute =>
  async (program, args, options) => {
    if (program !== 'npm') return await execute(program, args, options)
    npmRuns.push(`${args[0]} at ${await git(options?.cwd ?? '', 'describe', '--tags', 'HEAD')}`)
    if (failFirst && npmRuns.length === 1)
      throw Object.assign(new Error('failed'), { stderr: 'npm error no network' })
    return ''
  }
const source = (signers?: string, run: Execute = withoutNpm()) =>
  gitSource({ folder: join(checkout, 'node'), remote: 'origin', signers, execute: run })
const head = async () => await git(checkout, 'describe', '--tags', 'HEAD')

describe('a checkout of git', () => {
  test('goes to the newest signed release, and installs what it needs', async () => {
    npmRuns.length = 0
    assert.equal(await source(key('signers')).newest(), '1.1.0')
    assert.equal(await head(), 'v1.0.0')
    assert.match(await source(key('signers')).install('1.1.0'), /v1\.1\.0 .*signature checked/u)
    assert.equal(await head(), 'v1.1.0')
    assert.deepEqual(npmRuns, ['ci at v1.1.0'])
    assert.match(await source().install('1.0.0'), /not signed/u)
    assert.equal(await head(), 'v1.0.0')
  })

  test('with local changes is left alone', async () => {
    await writeFile(join(checkout, 'mine.txt'), 'x')
    await assert.rejects(source().install('1.1.0'), {
      code: 'HANSE_UPDATE_FAILED',
      message: /1 local changes/u,
    })
    assert.equal(await head(), 'v1.0.0')
    assert.ok(existsSync(join(checkout, 'mine.txt')))
  })

  test('goes back to its branch when npm ci fails', async () => {
    npmRuns.length = 0
    await assert.rejects(source(undefined, withoutNpm(true)).install('1.1.0'), {
      code: 'HANSE_UPDATE_FAILED',
      message: /no network; the old release is back/u,
    })
    assert.equal(await head(), 'v1.0.0')
    assert.equal(await git(checkout, 'branch', '--show-current'), 'main')
    assert.deepEqual(npmRuns, ['ci at v1.1.0', 'ci at v1.0.0'])
  })

  test('refuses a release that nobody on the list has signed, or under a false name', async () => {
    const refused = { code: 'HANSE_UPDATE_SIGNATURE' }
    await release('1.2.0')
    await assert.rejects(source(key('signers')).newest(), refused, 'a tag without a signature')
    await release('1.3.0', ...sign('theirs', 'v1.3.0'))
    await assert.rejects(source(key('signers')).install('1.3.0'), refused, 'another key')
    // The signed tag of an old release, pushed under a new name.
    await git(upstream, 'update-ref', 'refs/tags/v9.0.0', 'refs/tags/v1.0.0')
    await assert.rejects(source(key('signers')).install('9.0.0'), refused, 'an old release')
    assert.equal(await head(), 'v1.0.0')
    for (const tag of ['v1.2.0', 'v1.3.0', 'v9.0.0']) await git(upstream, 'tag', '--delete', tag)
  })

  test('does not take a flag for a remote or a release', async () => {
    const invalid = { code: 'HANSE_CONFIG_INVALID' }
    const remote = gitSource({
      folder: checkout,
      remote: '--upload-pack=touch /tmp/x',
      signers: undefined,
      execute,
    })
    await assert.rejects(remote.newest(), invalid)
    await assert.rejects(source().install('--help'), invalid)
    await assert.rejects(source().install('7.7.7'), { code: 'HANSE_UPDATE_FAILED' })
  })
})

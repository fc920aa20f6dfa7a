import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, test } from 'vitest'
import { type Execute, execute } from './execute.ts'
import { npmInstall, npmSource } from './npm-source.ts'

const INTEGRITY = `sha512-${'A'.repeat(86)}==`

/** An npm that knows these versions, and keeps what it was called with. */
function npmThatKnows(versions: Readonly<Record<string, unknown>>): {
  calls: string[]
  run: Execute
} {
  const calls: string[] = []
  return {
    calls,
    run: async (program, args) => {
      calls.push([program, ...args].join(' '))
      if (args[0] !== 'view') return await Promise.resolve('')
      return JSON.stringify(versions[args[1] ?? ''] ?? '')
    },
  }
}

describe('npm', () => {
  test('installs the version whose integrity it has told', async () => {
    const known = { version: '1.3.0', 'dist.integrity': INTEGRITY }
    const { calls, run } = npmThatKnows({
      '@hanse/node@latest': known,
      '@hanse/node@1.3.0': known,
    })
    const source = npmSource(run)
    assert.equal(await source.newest(), '1.3.0')
    assert.equal(await source.install('1.3.0'), `@hanse/node@1.3.0 (${INTEGRITY})`)
    assert.deepEqual(calls, [
      'npm view @hanse/node@latest version dist.integrity --json',
      'npm view @hanse/node@1.3.0 version dist.integrity --json',
      'npm install --global --no-audit --no-fund @hanse/node@1.3.0',
    ])
  })

  test('installs nothing that has no integrity, or is another version', async () => {
    const odd = { version: '1.2.9', 'dist.integrity': INTEGRITY }
    const bare = { version: '1.3.1' }
    const { calls, run } = npmThatKnows({ '@hanse/node@1.3.0': odd, '@hanse/node@1.3.1': bare })
    for (const version of ['1.3.0', '1.3.1', '1.4.0'])
      await assert.rejects(npmSource(run).install(version), { code: 'HANSE_UPDATE_FAILED' })
    await assert.rejects(npmSource(run).install('latest; rm -rf /'), {
      code: 'HANSE_CONFIG_INVALID',
    })
    assert.ok(calls.every((call) => call.startsWith('npm view')))
  })

  test('really installs a package, and says why when it cannot', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hanse-npm-'))
    try {
      const prefix = join(folder, 'prefix')
      await mkdir(join(folder, 'package'))
      const manifest = { name: '@hanse/node', version: '9.9.9', bin: { hanse: './hanse.js' } }
      await writeFile(join(folder, 'package/package.json'), JSON.stringify(manifest))
      await writeFile(
        join(folder, 'package/hanse.js'),
        '#!/usr/bin/env node\nconsole.log("nine")\n',
      )
      const archive = join(folder, 'hanse.tgz')
      await promisify(execFile)('tar', ['-czf', archive, '-C', folder, 'package'])
      const alone = ['--prefix', prefix, '--offline', '--cache', join(folder, 'cache')]
      await npmInstall(execute, archive, alone)
      const installed = join(prefix, 'lib/node_modules/@hanse/node/package.json')
      assert.equal(JSON.parse(await readFile(installed, 'utf8')).version, '9.9.9')
      assert.equal(await execute(join(prefix, 'bin/hanse'), []), 'nine')
      await writeFile(archive, 'no archive')
      await assert.rejects(npmInstall(execute, archive, alone), {
        code: 'HANSE_UPDATE_FAILED',
        message: /npm install: ./u,
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

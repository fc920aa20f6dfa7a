import { HanseError } from '@hanse/protocol'
import { z } from 'zod'
import { type Execute, saidBy } from './execute.ts'
import type { UpdateSource } from './update.ts'
import { newestOf, parseVersion } from './version.ts'

export interface GitOptions {
  /** A folder of the checkout. */
  readonly folder: string
  readonly remote: string
  /** ssh-keygen’s allowed signers; without it, whoever may push to the remote is believed. */
  readonly signers: string | undefined
  readonly execute: Execute
}

const MANIFEST = 'node/package.json'
const packageJson = z.object({ name: z.literal('@hanse/node'), version: z.string() })

/** Releases are tags `v1.2.3` of the checkout that runs. */
export function gitSource(options: GitOptions): UpdateSource {
  return {
    newest: async () => {
      const root = await prepare(options)
      const tags = (await git(options, root, 'tag', '--list', 'v*')).split('\n')
      const newest = newestOf(tags)
      if (newest === undefined)
        throw new HanseError(
          'HANSE_UPDATE_FAILED',
          'the repository has no release, a tag like v1.2.3',
        )
      await checkedCommit(options, root, newest)
      return newest.slice(1)
    },
    install: async (version) => {
      const root = await prepare(options)
      await refuseChanges(options, root)
      const tag = `v${version.replace(/^v/u, '')}`
      const commit = await checkedCommit(options, root, tag)
      await switchTo(options, root, commit, tag)
      const proof = options.signers === undefined ? 'not signed' : 'signature checked'
      return `${tag} (${commit.slice(0, 12)}, ${proof})`
    },
  }
}

/** @returns the root of the checkout, with the remote’s tags */
async function prepare(options: GitOptions): Promise<string> {
  const { folder, remote } = options
  if (!/^[\w./-]{1,255}$/u.test(remote) || remote.startsWith('-'))
    throw new HanseError('HANSE_CONFIG_INVALID', `${remote} is not the name of a git remote`)
  const root = await git(options, folder, 'rev-parse', '--show-toplevel')
  // Forced: a tag that was moved is judged by its signature, not by what it was here before.
  await git(options, root, 'fetch', '--quiet', '--tags', '--force', remote)
  return root
}

async function refuseChanges(options: GitOptions, root: string): Promise<void> {
  const changes = await git(options, root, 'status', '--porcelain')
  if (changes !== '') {
    const count = changes.split('\n').length
    throw new HanseError(
      'HANSE_UPDATE_FAILED',
      `${root} has ${count} local changes: commit them, or put them aside with git stash`,
    )
  }
}

/**
 * The commit of a release, checked: its package says the version of the tag, so that an old release cannot be had under
 * a new name, and someone on the list has signed the tag or its commit.
 */
async function checkedCommit(options: GitOptions, root: string, tag: string): Promise<string> {
  if (parseVersion(tag) === undefined)
    throw new HanseError('HANSE_CONFIG_INVALID', `${tag.slice(0, 80)} is no release`)
  const commit = await git(options, root, 'rev-parse', '--verify', `refs/tags/${tag}^{commit}`)
  await checkSigned(options, root, tag)
  const manifest: unknown = JSON.parse(await git(options, root, 'show', `${commit}:${MANIFEST}`))
  const found = packageJson.safeParse(manifest)
  if (!found.success || `v${found.data.version}` !== tag) {
    throw new HanseError(
      'HANSE_UPDATE_SIGNATURE',
      `the tag ${tag} points at release ${found.success ? found.data.version : 'of something else'}`,
    )
  }
  return commit
}

async function checkSigned(
  { signers, execute }: GitOptions,
  root: string,
  tag: string,
): Promise<void> {
  if (signers === undefined) return
  const config = ['-c', 'gpg.format=ssh', '-c', `gpg.ssh.allowedSignersFile=${signers}`]
  for (const verify of [
    ['verify-tag', `refs/tags/${tag}`],
    ['verify-commit', `refs/tags/${tag}^{commit}`],
  ]) {
    try {
      await execute('git', [...config, ...verify], { cwd: root })
      return
    } catch {
      // Signed by the other way, or not at all.
    }
  }
  throw new HanseError('HANSE_UPDATE_SIGNATURE', `nobody in ${signers} has signed ${tag}`)
}

async function switchTo(
  options: GitOptions,
  root: string,
  commit: string,
  tag: string,
): Promise<void> {
  const { execute } = options
  const before = await git(options, root, 'rev-parse', 'HEAD')
  const branch = await execute('git', ['symbolic-ref', '--short', '--quiet', 'HEAD'], {
    cwd: root,
  }).catch(() => undefined)
  const install = async () =>
    await execute('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root })
  try {
    await git(options, root, 'checkout', '--quiet', '--detach', commit)
    await install()
  } catch (cause) {
    const back = branch ?? before
    await execute('git', ['checkout', '--quiet', '--force', back], { cwd: root })
    const restored = await install().then(
      () => 'the old release is back',
      (error: unknown) => `the old release is back, but its npm ci failed: ${saidBy(error)}`,
    )
    throw new HanseError('HANSE_UPDATE_FAILED', `${tag}: ${saidBy(cause)}; ${restored}`, { cause })
  }
}

async function git({ execute }: GitOptions, cwd: string, ...args: string[]): Promise<string> {
  try {
    return await execute('git', args, { cwd })
  } catch (cause) {
    throw new HanseError('HANSE_UPDATE_FAILED', `git ${args[0]}: ${saidBy(cause)}`, { cause })
  }
}

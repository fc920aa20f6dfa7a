import { HanseError } from '@hanse/protocol'
import { z } from 'zod'
import { type Execute, saidBy } from './execute.ts'
import type { UpdateSource } from './update.ts'
import { parseVersion } from './version.ts'

const PACKAGE = '@hanse/node'

const viewed = z.object({
  version: z.string(),
  'dist.integrity': z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/u),
})

/** Releases are versions of the npm package; npm itself checks what it downloads against the integrity. */
export function npmSource(execute: Execute): UpdateSource {
  return {
    newest: async () => (await view(execute, 'latest')).version,
    install: async (version) => {
      const { version: found, 'dist.integrity': integrity } = await view(execute, version)
      if (found !== version)
        throw new HanseError('HANSE_UPDATE_FAILED', `npm answered with ${found} for ${version}`)
      await npmInstall(execute, `${PACKAGE}@${version}`)
      return `${PACKAGE}@${version} (${integrity})`
    },
  }
}

/** Installs a package for all programs of this user or machine, as `npm install -g` does. @throws {HanseError} */
export async function npmInstall(
  execute: Execute,
  spec: string,
  more: readonly string[] = [],
): Promise<void> {
  try {
    await execute('npm', ['install', '--global', '--no-audit', '--no-fund', ...more, spec])
  } catch (cause) {
    // npm puts the old version back when an install fails.
    throw new HanseError('HANSE_UPDATE_FAILED', `npm install: ${saidBy(cause)}`, { cause })
  }
}

async function view(execute: Execute, version: string): Promise<z.output<typeof viewed>> {
  if (version !== 'latest' && parseVersion(version) === undefined)
    throw new HanseError('HANSE_CONFIG_INVALID', `${version.slice(0, 80)} is no version`)
  let answer: string
  try {
    answer = await execute('npm', [
      'view',
      `${PACKAGE}@${version}`,
      'version',
      'dist.integrity',
      '--json',
    ])
  } catch (cause) {
    throw new HanseError('HANSE_UPDATE_FAILED', `npm view: ${saidBy(cause)}`, { cause })
  }
  const parsed = viewed.safeParse(parseJson(answer))
  if (!parsed.success)
    throw new HanseError('HANSE_UPDATE_FAILED', `npm knows no ${PACKAGE}@${version}`)
  return parsed.data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

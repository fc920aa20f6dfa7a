import { isSea } from 'node:sea'
import { fileURLToPath } from 'node:url'
import { HanseError } from '@hanse/protocol'
import type { Command } from 'commander'
import { networkSettings, updateSettings } from '../../config/schemas.ts'
import type { Settings } from '../../config/settings.ts'
import { fetchStatus } from '../../doctor/gather/control.ts'
import { binarySource } from '../../update/binary-source.ts'
import { chooseRelease } from '../../update/choose.ts'
import { execute } from '../../update/execute.ts'
import { gitSource } from '../../update/git-source.ts'
import { npmSource } from '../../update/npm-source.ts'
import { newestSeen, rememberSeen } from '../../update/seen-version.ts'
import type { UpdateSource } from '../../update/update.ts'
import { VERSION } from '../../version.ts'
import { settingsCommand } from '../settings-command.ts'

const schema = { dataDir: networkSettings.dataDir, ...updateSettings } as const

export function updateCommand(): Command {
  return settingsCommand(
    'update',
    'Install the newest release: from git, npm, or a signed file.',
    schema,
    async (settings, _args, flags) => {
      const to = typeof flags.to === 'string' ? flags.to.replace(/^v/u, '') : undefined
      await update(settings, { to, check: flags.check === true })
    },
  )
    .option('--check', 'only say whether there is a newer release')
    .option('--to <version>', 'install this release, also an older one')
}

async function update(
  settings: Settings<typeof schema>,
  { to, check }: { readonly to: string | undefined; readonly check: boolean },
): Promise<void> {
  const { dataDir } = settings
  const source = sourceOf(settings)
  const highestSeen = await newestSeen(dataDir)
  const newest = to ?? (await source.newest())
  const chosen = chooseRelease({ current: VERSION, newest, highestSeen, to })
  if (to === undefined) await rememberSeen(dataDir, newest)
  if (chosen === undefined) {
    console.log(`${VERSION} is the newest release`)
    return
  }
  if (check) {
    console.log(`${chosen} is out, ${VERSION} is installed: hanse update`)
    return
  }
  const checked = await source.install(chosen)
  console.log(`installed ${chosen}: ${checked}`)
  if ((await fetchStatus(dataDir)) === undefined) return
  console.log(
    `A provider still runs ${VERSION}. To let it finish and start the new one:\n` +
      '  as a service: systemctl --user restart hanse-provider\n' +
      '  by hand:      hanse provider drain, then hanse provider',
  )
}

/** @throws {HanseError} HANSE_CONFIG_INVALID when the method lacks what it needs */
function sourceOf(settings: Settings<typeof schema>): UpdateSource {
  const { updateMethod, updateRemote, updateSigners, updateUrl, updateKey } = settings
  switch (updateMethod) {
    case 'git':
      return gitSource({
        folder: fileURLToPath(new URL('.', import.meta.url)),
        remote: updateRemote,
        signers: updateSigners,
        execute,
      })
    case 'npm':
      return npmSource(execute)
    case 'binary': {
      const target = settings.updateFile ?? (isSea() ? process.execPath : undefined)
      if (updateUrl === undefined || updateKey.length === 0 || target === undefined) {
        throw new HanseError(
          'HANSE_CONFIG_INVALID',
          'for --update-method binary give --update-url, --update-key, and --update-file where hanse is no single file',
        )
      }
      const { platform, arch } = process
      return binarySource({ url: updateUrl, keys: updateKey, target, platform, arch })
    }
  }
}

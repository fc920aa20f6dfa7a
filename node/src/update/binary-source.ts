import { copyFile, link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { downloadFile, type OpenFile } from './download.ts'
import { fetchReleaseList, type ReleaseFile, type ReleaseList } from './release-list.ts'
import type { UpdateSource } from './update.ts'

export interface BinaryOptions {
  /** Of the signed list. */
  readonly url: string
  readonly keys: readonly string[]
  /** The program that is replaced. */
  readonly target: string
  readonly platform: string
  readonly arch: string
  readonly openFile?: OpenFile
}

/** A release is one file for each platform, listed in a signed note. */
export function binarySource(options: BinaryOptions): UpdateSource {
  const { url, keys, target, openFile } = options
  return {
    newest: async () => (await fetchReleaseList(url, keys)).version,
    install: async (version) => {
      const list = await fetchReleaseList(url, keys)
      if (list.version !== version) {
        throw new HanseError(
          'HANSE_UPDATE_FAILED',
          `the list at ${url} is of ${list.version}, not of ${version}`,
        )
      }
      const file = fileFor(list, options)
      const fresh = `${target}.new`
      await downloadFile(new URL(file.url, url).href, file, fresh, openFile)
      await replace(target, fresh)
      return `sha256:${file.sha256}, signed; the old one is ${target}.previous`
    },
  }
}

function fileFor({ version, files }: ReleaseList, { platform, arch }: BinaryOptions): ReleaseFile {
  const file = files.find((one) => one.platform === platform && one.arch === arch)
  if (file !== undefined) return file
  throw new HanseError('HANSE_UPDATE_FAILED', `${version} has no file for ${platform} ${arch}`)
}

/** At every moment there is a whole program under `target`. */
async function replace(target: string, fresh: string): Promise<void> {
  const previous = `${target}.previous`
  try {
    await rm(previous, { force: true })
    // A file system without hard links gets a copy.
    await link(target, previous).catch(async () => await copyFile(target, previous))
    await rename(fresh, target)
  } catch (cause) {
    await rm(fresh, { force: true })
    const why = cause instanceof Error ? cause.message : ''
    throw new HanseError('HANSE_UPDATE_FAILED', `${target} cannot be replaced: ${why}`, { cause })
  }
  await syncFolder(dirname(target))
}

/** Makes the new name survive a power cut. Windows cannot open folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

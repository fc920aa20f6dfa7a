import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { HanseError } from '@hanse/protocol'

/** sun_path has 104 bytes on macOS and 108 on Linux, with a zero at its end. */
const PATH_BYTES_MAX = 103

/** Where the daemon of a data folder listens: in the folder, or in one for temporary files where that path is too long. */
export function socketPath(dataDir: string, platform: NodeJS.Platform = process.platform): string {
  const folder = resolve(dataDir)
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 24)
  // Others may only read a pipe that Node makes, and nobody is told anything before asking.
  if (platform === 'win32') return `\\\\.\\pipe\\hanse-${name}`
  const path = join(folder, 'control.sock')
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return path
  return join(tmpdir(), `hanse-${userInfo().uid}`, `${name}.sock`)
}

/**
 * Makes the folder of a socket that is kept outside the data folder, and looks that nobody else can put one there.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID when another user could
 */
export function checkSocketFolder(path: string, dataDir: string): void {
  const folder = dirname(path)
  if (process.platform === 'win32' || folder === resolve(dataDir)) return
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // lstat: a link there would be somebody else's choice of a folder.
  const facts = lstatSync(folder)
  const { uid } = userInfo()
  if (!facts.isDirectory() || facts.uid !== uid || (facts.mode & 0o077) !== 0) {
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `${folder} must be a folder of user ${uid} alone (chmod 700), or choose a shorter --data-dir`,
    )
  }
}

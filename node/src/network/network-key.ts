import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HanseError } from '@hanse/protocol'

/** The swarm key file of go-ipfs and libp2p: three lines, the last of them 32 bytes in hex. */
const HEAD = '/key/swarm/psk/1.0.0/\n/base16/\n'
const FILE = /^\/key\/swarm\/psk\/1\.0\.0\/\r?\n\/base16\/\r?\n[0-9a-f]{64}\s*$/iu
const KEY_BYTES = 32
/** The file takes 95 bytes; more than this is no key file. */
const FILE_BYTES_MAX = 1024

/**
 * The key of a private network, as libp2p wants it.
 *
 * @throws {HanseError} HANSE_NETWORK_KEY when the file is missing, open to others or malformed
 */
export async function loadNetworkKey(path: string): Promise<Uint8Array> {
  const facts = await stat(path).catch((cause: unknown) => {
    throw new HanseError('HANSE_NETWORK_KEY', `${path} cannot be read`, { cause })
  })
  // Windows keeps no such bits and reports 0666 for every file.
  if (process.platform !== 'win32' && (facts.mode & 0o077) !== 0) {
    const mode = (facts.mode & 0o777).toString(8)
    throw new HanseError(
      'HANSE_NETWORK_KEY',
      `${path} has mode ${mode}, so others may join with this key: run chmod 600`,
    )
  }
  const text = facts.size > FILE_BYTES_MAX ? '' : await readFile(path, 'utf8')
  if (!FILE.test(text)) throw new HanseError('HANSE_NETWORK_KEY', `${path} is no network key file`)
  // libp2p cuts the lines itself, and leaves a carriage return or a blank at the end to the hex decoder.
  return new TextEncoder().encode(HEAD + text.trim().split('\n')[2]?.trim().toLowerCase())
}

/** Makes a key file that only its owner can read. @throws {HanseError} HANSE_NETWORK_KEY when there is one already */
export async function createNetworkKey(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    throw new HanseError(
      'HANSE_NETWORK_KEY',
      `${path} cannot be made; a key that exists is never replaced`,
      { cause },
    )
  })
  try {
    await file.writeFile(`${HEAD}${randomBytes(KEY_BYTES).toString('hex')}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}

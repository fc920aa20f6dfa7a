import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'

export type IdentityFault = 'HANSE_IDENTITY_PERMISSIONS' | 'HANSE_IDENTITY_CORRUPT'

/** The identity file cannot be used as it is. Nothing was changed; its owner has to act. */
export class IdentityError extends Error {
  readonly code: IdentityFault

  constructor(code: IdentityFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'IdentityError'
    this.code = code
  }
}

/** An Ed25519 key in libp2p's protobuf form takes 68 bytes; more than this is no identity file. */
const FILE_BYTES_MAX = 1024

/** A libp2p Ed25519 private key is the seed, followed by the public key. */
const SEED_BYTES = 32

/**
 * The node's own key, read from `path`, or made and stored there on the first start.
 *
 * @throws {IdentityError} HANSE_IDENTITY_PERMISSIONS when others may read the file;
 *   HANSE_IDENTITY_CORRUPT when it holds no Ed25519 key.
 */
export async function loadOrCreateIdentity(path: string): Promise<Ed25519PrivateKey> {
  const stored = await loadIdentity(path)
  if (stored !== undefined) return stored
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await createIdentity(path)
  const created = await loadIdentity(path)
  if (created === undefined)
    throw new IdentityError('HANSE_IDENTITY_CORRUPT', `${path} vanished while it was made`)
  return created
}

/** The 32-byte Ed25519 seed of `privateKey`. @throws {TypeError} for a key of another kind. */
export function seedOf(privateKey: PrivateKey): Uint8Array {
  if (privateKey.type !== 'Ed25519') throw new TypeError(`not an Ed25519 key: ${privateKey.type}`)
  return privateKey.raw.slice(0, SEED_BYTES)
}

/** The libp2p peer id that belongs to `privateKey`, in its text form. */
export function peerIdOf(privateKey: PrivateKey): string {
  return peerIdFromPrivateKey(privateKey).toString()
}

async function loadIdentity(path: string): Promise<Ed25519PrivateKey | undefined> {
  const facts = await stat(path).catch(absentAsUndefined)
  if (facts === undefined) return undefined
  // Windows keeps no such bits and reports 0666 for every file.
  if (process.platform !== 'win32' && (facts.mode & 0o077) !== 0) {
    const mode = (facts.mode & 0o777).toString(8)
    throw new IdentityError(
      'HANSE_IDENTITY_PERMISSIONS',
      `${path} has mode ${mode}, so others may use this identity: run chmod 600, or delete the file to get a new one`,
    )
  }
  if (facts.size > FILE_BYTES_MAX) throw corrupt(path)
  return parseIdentity(path, await readFile(path))
}

function parseIdentity(path: string, bytes: Uint8Array): Ed25519PrivateKey {
  let key: PrivateKey
  try {
    key = privateKeyFromProtobuf(bytes)
  } catch (cause) {
    throw corrupt(path, { cause })
  }
  if (key.type !== 'Ed25519') throw corrupt(path)
  return key
}

function corrupt(path: string, options?: ErrorOptions): IdentityError {
  const message = `${path} holds no Ed25519 key: restore it from a copy, or delete it to get a new identity`
  return new IdentityError('HANSE_IDENTITY_CORRUPT', message, options)
}

/**
 * A whole file appears under `path`, or none. link() refuses a name that exists, so of two starts at
 * once one wins and both read its key; rename() would replace a key that is already in use.
 */
async function createIdentity(path: string): Promise<void> {
  const bytes = privateKeyToProtobuf(await generateKeyPair('Ed25519'))
  const temporary = `${path}.${randomUUID()}.tmp`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    await link(temporary, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await unlink(temporary)
  }
  await syncFolder(dirname(path))
}

/** Makes the new name survive a power cut. Windows cannot open folders, and needs no such step. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function absentAsUndefined(error: unknown): undefined {
  if (hasCode(error, 'ENOENT')) return undefined
  throw error
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Signer, signerOf } from '@hanse/protocol'
import { SettlementError } from './errors.ts'

const SEED_BYTES = 32

/** The service's identity, or the key of its log. */
export type KeyFile = 'settlement.key' | 'log.key'

/** An Ed25519 key: a raw 32-byte seed, made on the first start. @throws {SettlementError} HANSE_CONFIG_INVALID */
export function loadSigner(dataDir: string, name: KeyFile = 'settlement.key'): Signer {
  const path = join(dataDir, name)
  const seed = loadOrCreate(path, () => randomBytes(SEED_BYTES))
  if (seed.byteLength !== SEED_BYTES) {
    throw new SettlementError('HANSE_CONFIG_INVALID', `${path} does not hold a 32-byte seed`)
  }
  return signerOf(seed)
}

/** Whether a service has used this folder. */
export const hasSigner = (dataDir: string): boolean => existsSync(join(dataDir, 'settlement.key'))

/** A random secret in words that travel in a header, made on the first start. */
export function loadSecret(dataDir: string, name: string): string {
  return loadOrCreate(join(dataDir, name), () => Buffer.from(randomBytes(32).toString('base64url')))
    .toString('utf8')
    .trim()
}

/** Only the owner may read it. Of two processes that start at once, the second reads what the first wrote. */
function loadOrCreate(path: string, create: () => Buffer): Buffer {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    writeFileSync(path, create(), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    chmodSync(path, 0o600)
  }
  return readFileSync(path)
}

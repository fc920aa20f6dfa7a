import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { StoredKey } from './tenant-store.ts'

/** `hanse_<prefix>_<secret>`: the prefix finds the key and may be shown, the secret is 256 random bits. */
const PATTERN = /^(hanse_[0-9a-f]{12})_[\w-]{43}$/u

export interface NewKey {
  /** The only time that anybody sees it. */
  readonly key: string
  readonly prefix: string
  readonly hash: Uint8Array
}

export function createApiKey(): NewKey {
  const prefix = `hanse_${randomBytes(6).toString('hex')}`
  const key = `${prefix}_${randomBytes(32).toString('base64url')}`
  return { key, prefix, hash: hashOf(key) }
}

/** The prefix of something that looks like a key. */
export const prefixOf = (key: string): string | undefined => PATTERN.exec(key)?.[1]

/** A fast hash is right here: the key is random, there is no dictionary of it. */
const hashOf = (key: string): Uint8Array => createHash('sha256').update(key).digest()

/** In constant time. */
export function isKey(key: string, stored: Pick<StoredKey, 'hash'>): boolean {
  return timingSafeEqual(hashOf(key), stored.hash)
}

/** Whether two secrets of any length are equal, in constant time. */
export function isSecret(given: string, expected: string): boolean {
  return timingSafeEqual(hashOf(given), hashOf(expected))
}

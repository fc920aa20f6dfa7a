import { randomBytes } from 'node:crypto'
import {
  decodeCanonical,
  encodeCanonical,
  HanseError,
  openPersonal,
  SEAL_NONCE_BYTES,
  sealPersonal,
} from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { ownerOf } from '../log/log-fact.ts'
import { subjectKeys } from '../log/subject-keys.ts'
import type { Target } from './channel.ts'
import type { Owner } from './owner.ts'

/** A URL of 2048 characters and two secrets. */
const SEALED_BYTES_MAX = 8192

const keyOwner = (owner: Owner): string =>
  owner === null ? 'platform' : ownerOf('organization', owner)

export async function sealTarget(
  tx: Database,
  owner: Owner,
  target: Target,
  at: number,
): Promise<string> {
  const name = keyOwner(owner)
  const key = (await subjectKeys(tx, [name], at, randomBytes)).get(name)
  if (key === undefined) throw new SettlementError('HANSE_INTERNAL', 'no key for the channel')
  const sealed = sealPersonal(key.key, randomBytes(SEAL_NONCE_BYTES), encodeCanonical(target))
  return Buffer.from(sealed).toString('base64')
}

/** Opens what these owners sealed; what was sealed with a key that is destroyed stays shut. */
export async function targetOpener(
  tx: Database,
  owners: readonly Owner[],
): Promise<(owner: Owner, sealed: string) => Target | undefined> {
  const names = [...new Set(owners.map(keyOwner))]
  const found = await rows<{ owner: string; key: string }>(
    tx,
    sql`select owner, encode(key, 'base64') as key from subject_key
      where key is not null and owner = any(${textArray(names)})`,
  )
  const keys = new Map(found.map(({ owner, key }) => [owner, Buffer.from(key, 'base64')]))
  return (owner, sealed) => open(keys.get(keyOwner(owner)), Buffer.from(sealed, 'base64'))
}

function open(key: Uint8Array | undefined, sealed: Uint8Array): Target | undefined {
  if (key === undefined) return undefined
  try {
    return decodeCanonical(
      openPersonal(Uint8Array.from(key), Uint8Array.from(sealed)),
      SEALED_BYTES_MAX,
    ) as Target
  } catch (error) {
    if (error instanceof HanseError && error.code === 'HANSE_LOG_SEALED') return undefined
    throw error
  }
}

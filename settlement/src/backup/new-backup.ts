import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { SettlementStore } from '../db/store.ts'
import { keepVault } from './vault.ts'

export interface NewBackup {
  readonly folder: string
  /** ISO 8601. */
  readonly at: string
  readonly tables: number
  readonly rows: number
}

/** Where backups are kept when nobody says otherwise. */
export const backupsFolder = (dataDir: string): string => join(dataDir, 'backups')

/**
 * Writes a backup into a new folder, named after the time, inside this one, and the keys to it into the vault.
 *
 * @param vault folder that is no part of the backup: copies of it do not outlive an erasure
 * @param at milliseconds since 1970
 */
export async function newBackup(
  store: SettlementStore,
  inside: string,
  vault: string,
  at: number,
): Promise<NewBackup> {
  await mkdir(inside, { recursive: true, mode: 0o700 })
  const name = new Date(at).toISOString().replaceAll(':', '-')
  const folder = resolve(inside, name)
  const { tables, ...manifest } = await store.writeBackup(folder, at)
  await keepVault(store, vault)
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  return { folder, at: manifest.at, tables: tables.length, rows }
}

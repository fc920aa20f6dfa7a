import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { SettlementStore } from '../db/store.ts'

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
 * Writes a backup into a new folder, named after the time, inside this one.
 *
 * @param at milliseconds since 1970
 */
export async function newBackup(
  store: SettlementStore,
  inside: string,
  at: number,
): Promise<NewBackup> {
  await mkdir(inside, { recursive: true, mode: 0o700 })
  const name = new Date(at).toISOString().replaceAll(':', '-')
  const folder = resolve(inside, name)
  const { tables, ...manifest } = await store.writeBackup(folder, at)
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  return { folder, at: manifest.at, tables: tables.length, rows }
}
